"""Plain data into the model's structs, with every mistake and not only the first."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from vnroute.importing.findings import hint, shown
from vnroute.model import FieldError, ScreenRule

__all__ = ["convert"]

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
Report = Callable[[str, str, str], None]
"""Takes a path, what was found, what is expected."""

_GOOD: dict[str, str] = {
    "id": "x",
    "account": "x",
    "plan": "x",
    "carrier": "x",
    "campaign": "x",
    "language": "en",
    "when": "x",
    "gateway": "x",
    "name": "",
    "destination": "",
    "time_zone": "UTC",
    "number": "+12025550123",
    "block": "+1202555xxxx",
    "prefix": "+1",
    "rate": "0",
    "hangup": "relay",
    "play": "x.wav",
    "voicemail": "x@x",
    "person": "x",
    "phones": "+12025550123",
    "format": "{e164}",
    "days": "mon",
    "hours": "09:00-10:00",
    "state": "x",
    "dates": "2026-01-01",
    "yearly": "01-01",
    "holidays": "GB",
    "region": "",
    "rrule": "FREQ=DAILY",
    "start": "2026-01-01",
    "duration": "1d",
    "exdate": "",
    "calendar": "",
    "otherwise": "closed",
    "is": "open",
    "seconds": "25",
    "progress_seconds": "5",
    "ring_seconds": "25",
    "policy": "x",
    "ring": "+12025550123",
    "allow": "+1",
    "from": "",
    "until": "2999-12-31",
    "ported_to": "",
    "answers": "",
    "screen": "",
    "callers": "anonymous",
    "treat": "CALL_REJECTED",
    "suspended": "",
    "reserved": "",
    "quarantined": "",
    "ported-out": "",
    "not-yet": "",
    "expired": "",
}
"""A sound value for each field. One that was refused is put aside for it, so that the checks behind
it are made as well; nothing made of them leaves this file."""


def convert(kind: type[_Struct], data: Any, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as a struct of that kind, or None after all its mistakes were reported."""
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError:
        _explain(kind, data, path, report)
        return None


@lru_cache(maxsize=64)
def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _explain(kind: type[msgspec.Struct], data: Any, path: str, report: Report) -> None:
    fields = _fields(kind)
    if not isinstance(data, dict):
        needed = ", ".join(name for name, field in fields.items() if field.required)
        report(path, shown(data), "fields" + (f" such as {needed}" if needed else ""))
        return
    known: dict[str, Any] = {}
    for name, value in data.items():
        if name not in fields:
            expected = f"one of {', '.join(fields)}{hint(name, fields)}"
            report(f"{path}.{name}", f"the unknown field {shown(name)}", expected)
        elif _explain_value(fields[name].type, value, f"{path}.{name}", report):
            known[name] = value
        else:
            known[name] = _sound(fields[name].type, name, data)
    for name, field in fields.items():
        if field.required and name not in data:
            report(f"{path}.{name}", "nothing", f"the field {shown(name)}, which must be given")
            known[name] = _sound(field.type, name, data)
    # Now only what the struct's own checks say is left; each mended in turn.
    mended: set[str] = set()
    while True:
        try:
            msgspec.convert(known, kind, strict=False)
            return
        except msgspec.ValidationError as error:
            cause = error.__cause__
            if not isinstance(cause, FieldError):
                report(path, shown(data), str(error))
                return
            if cause.field in mended:
                return
            found = cause.found if len(cause.found) < 160 else cause.found[:158] + "…"
            report(f"{path}.{cause.field}", found, cause.expected)
            mended.add(cause.field)
            name, bracket, rest = cause.field.partition("[")
            if name not in _GOOD:
                return
            if bracket:
                known[name] = list(known[name])
                known[name][int(rest.rstrip("]"))] = _GOOD[name]
            else:
                known[name] = _GOOD[name]


def _explain_value(kind: Any, value: Any, path: str, report: Report) -> bool:
    """Report what is wrong with one field's value; return whether it is sound."""
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        if not isinstance(value, list):
            report(path, shown(value), "a list")
            return False
        return all([_explain_value(item, v, f"{path}[{i}]", report) for i, v in enumerate(value)])
    if get_origin(kind) is dict and isinstance(value, dict):
        of = get_args(kind)[1]
        if not all([_explain_value(of, v, f"{path}.{key}", report) for key, v in value.items()]):
            return False
    if value is not None:
        kind = _struct_or_none(kind, isinstance(value, dict)) or kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        sound = True

        def noted(place: str, found: str, expected: str) -> None:
            nonlocal sound
            sound = False
            report(place, found, expected)

        convert(kind, value, path, noted)
        return sound
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        report(path, shown(value), _expected(kind))
        return False
    return True


def _struct_or_none(kind: Any, is_mapping: bool = False) -> type[msgspec.Struct] | None:
    """Return the struct of ``Struct | None``, for a mapping that of ``str | Struct`` as well, None
    for any other type.
    """
    if get_origin(kind) not in (Union, types.UnionType):
        return None
    parts = [p for p in get_args(kind) if p is not types.NoneType and not (is_mapping and p is str)]
    is_struct = len(parts) == 1 and isinstance(parts[0], type)
    return parts[0] if is_struct and issubclass(parts[0], msgspec.Struct) else None


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        *others, last = (str(choice) for choice in get_args(kind))
        return f"{', '.join(others)} or {last}" if others else last
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_expected(part) for part in get_args(kind))
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(
        kind, "another value"
    )


def _sound(kind: Any, name: str, data: dict[str, Any]) -> Any:
    """Return a sound value to stand in for one that was refused."""
    if name == "steps" and isinstance(data.get(name), list):
        return [{"ring": [_GOOD["ring"]]}] * (len(data[name]) - 1) + [{"hangup": "relay"}]
    if name == "here":
        return {"person": "x", "at": "x"}
    if name == "limits":
        return {"calls": 1}
    if _struct_or_none(kind) is not None:
        return None
    if name == "gateways":
        return [{"id": "x", "gateway": "x"}]
    if name == "places":
        given = data.get("places")
        named = given if given and isinstance(given, dict) else [str(data.get("place") or "x")]
        return dict.fromkeys(named, _GOOD["ring"])
    if name == "open":
        return [{}]
    if name == "rules" and get_args(kind)[0] is ScreenRule:
        return [{"rate": "1/1"}]
    if name in ("exceptions", "rules"):
        return [{"state": "x", "days": "mon" if name == "rules" else "tue", "hours": "00:01-00:02"}]
    if name == "steps":
        return [{"hangup": "relay"}]
    if get_origin(kind) is tuple:
        return [_GOOD[name]] if name in _GOOD else []
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return False if kind is bool else _GOOD.get(name, "0" if kind is int else "x")
