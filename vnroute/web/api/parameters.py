"""Parameters that many operations take, each told and bounded once."""

from __future__ import annotations

from typing import Annotated

from litestar.params import HeaderParameter, QueryParameter

__all__ = ["Dry", "IfMatch", "IfNoneMatch", "Wait"]

Dry = Annotated[bool, QueryParameter(description="Check everything, keep nothing.")]
Wait = Annotated[
    float, QueryParameter(ge=0, le=60, description="Seconds to wait until it is live.")
]
IfMatch = Annotated[str, HeaderParameter(name="If-Match", required=False, max_length=500)]
IfNoneMatch = Annotated[str, HeaderParameter(name="If-None-Match", required=False, max_length=500)]
