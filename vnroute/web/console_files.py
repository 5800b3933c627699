"""The console's files: read once, served with ETags, gzip'ed for who takes that.

Nothing is built and nothing comes from elsewhere: ``vnroute/web/console`` is what a browser loads.
Names hold no digest, so a browser asks each time whether what it has is still the same (RFC 9110,
13.1.2) and gets 304, a few hundred bytes for the whole console.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from vnroute.web.api.problems import not_there
from vnroute.web.headers import CONSOLE

__all__ = ["console_handlers"]

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}
_SMALL = 1000
"""Bytes that are not worth compressing."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes
    kind: str
    tag: str


def _read(place: Traversable, within: str = "") -> dict[str, _File]:
    found: dict[str, _File] = {}
    for each in place.iterdir():
        name = f"{within}{each.name}"
        if each.is_dir():
            found |= _read(each, f"{name}/")
            continue
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind is None:
            continue
        body = each.read_bytes()
        packed = gzip.compress(body, 9, mtime=0) if len(body) > _SMALL else b""
        found[name] = _File(body, packed, kind, hashlib.sha256(body).hexdigest()[:20])
    return found


def _answer(request: Request[Any, Any, Any], file: _File) -> Response[bytes]:
    packed = bool(file.packed) and "gzip" in request.headers.get("accept-encoding", "")
    # A tag names one representation: compressed it is another (RFC 9110, 8.8.3.3).
    tag = f'"{file.tag}{"-gz" if packed else ""}"'
    headers = {
        **CONSOLE,
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    seen = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if tag in (each.removeprefix("W/") for each in seen):
        return Response(b"", status_code=304, headers=headers, media_type=file.kind)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.packed if packed else file.body, headers=headers, media_type=file.kind)


def console_handlers() -> list[HTTPRouteHandler]:
    """Return the handlers of the page and of what it loads."""
    held = _read(files("vnroute.web").joinpath("console"))

    @get("/", sync_to_thread=False, include_in_schema=False)
    def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the console's page; every screen of it is chosen by the part after #."""
        return _answer(request, held["index.html"])

    @get("/console/{name:path}", sync_to_thread=False, include_in_schema=False)
    def part(
        request: Request[Any, Any, Any], name: Annotated[str, PathParameter(max_length=200)]
    ) -> Response[bytes]:
        """Return a script, style or drawing of the console."""
        file = held.get(str(name).lstrip("/"))
        if file is None:
            raise not_there("this file of the console")
        return _answer(request, file)

    return [page, part]
