"""The body of a CDR's POST, as JSON text in UTF-8, however mod_json_cdr was told to write it."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from vnroute.calls.reading import Unreadable

__all__ = ["json_of"]


def json_of(body: bytes, content_type: str) -> tuple[bytes, bool]:
    """Return (JSON in UTF-8, whether the charset had to be mended).

    mod_json_cdr's ``encode`` false posts application/json, true a form with ``cdr=`` URL-encoded,
    base64 the same in base64 (mod_json_cdr.c, process_cdr). Text that is no UTF-8 is read as
    Latin-1, in which every byte is a character: a name in the wrong charset loses no call.
    Raises :class:`Unreadable`.
    """
    kind = content_type.partition(";")[0].strip().lower()
    # By what the body is and not by what it is called: with disable-100-continue mod_json_cdr puts
    # "Expect:" in the place of the list that held its Content-Type, and curl calls JSON a form.
    if body.startswith(b"cdr="):
        body = body[4:].partition(b"&")[0]
        if "base64" in kind:
            try:
                body = base64.b64decode(unquote_to_bytes(body), validate=False)
            except binascii.Error as error:
                raise Unreadable(f"no base64: {error}") from error
        else:
            body = unquote_to_bytes(body.replace(b"+", b" "))
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1").encode("utf-8"), True
    return body.removeprefix(b"\xef\xbb\xbf"), False
