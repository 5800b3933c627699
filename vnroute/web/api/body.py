"""Requests and answers as bytes: JSON read with bounds, ETags, pages."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from vnroute.web.api.problems import Refused

__all__ = ["MOST_BYTES", "etag", "items", "json_of", "read_as"]

MOST_BYTES = 8 * 1024 * 1024
"""Of one request's body; bulk loads of millions go through ``vnroute import``."""
_MOST_DEPTH = 32


async def json_of(request: Request[Any, Any, Any]) -> Any:
    """Return the JSON of a request's body; raise 400 for what is none, 413 for too much.

    Media types other than JSON are refused with 415: a form posted by somebody else's page is
    nothing that we read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise Refused(415, f"the content type {kind[:80]!r}; send application/json")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length[:12]) > MOST_BYTES:
        raise Refused(413, f"{int(length[:12])} bytes; {MOST_BYTES} at most")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused(413, f"more than {MOST_BYTES} bytes")
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"no JSON: {error}") from None
    _check_depth(data)
    return data


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(_MOST_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise Refused(400, f"values nested deeper than {_MOST_DEPTH}")


def etag(document: bytes) -> str:
    """Return the strong entity tag of a document (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(document).hexdigest()[:20]}"'


def items(found: list[Any], limit: int, cursor: str) -> Response[dict[str, Any]]:
    """Return a page; ``cursor`` is the value of ``after`` that gives the next, empty at the end."""
    return Response({"items": found, "next": cursor if len(found) == limit else ""})


_Read = TypeVar("_Read", bound=msgspec.Struct)


async def read_as(request: Request[Any, Any, Any], kind: type[_Read]) -> _Read:
    """Return a request's body as a struct; raise 422 with the field that is wrong."""
    data = await json_of(request)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        field = path.removesuffix("`").removeprefix(".") or "body"
        errors = [{"field": field, "found": "another value", "expected": what}]
        raise Refused(422, str(error), errors) from None
