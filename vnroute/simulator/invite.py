"""What FreeSWITCH's INVITE to a gateway says of the caller, by the variables of a leg.

The rules are those of ``sofia_glue_do_invite`` (``sofia_glue.c``) for a gateway with
``caller-id-in-from`` and ``cid-type`` pid, as ``fs-conf/`` has them.
"""

from __future__ import annotations

from .dialstring import Leg

__all__ = ["codecs", "headers", "request_user"]

_HEADER = "sip_h_"
_COMPACT = {"y": "Identity"}


def request_user(leg: Leg) -> str:
    """Return the user part of the Request-URI: what is dialled."""
    return (leg.destination or "").rpartition("/")[2]


def codecs(leg: Leg) -> list[str]:
    """Return the codecs offered, in order; none where the profile's are.

    ``^^:`` parts a list by colons (switch_core_media_prepare_codecs takes commas; the mark is
    undone where the dial string is read).
    """
    text = leg.parameter("absolute_codec_string") or ""
    if text.startswith("^^") and len(text) > 2:
        return text[3:].split(text[2])
    return text.split(",") if text else []


def headers(leg: Leg, number: str, name: str) -> dict[str, str]:
    """Return From, what asserts the caller, Privacy, and headers added by ``sip_h_…``.

    ``number`` and ``name`` are the leg's where it has none of its own (effective_caller_id_*).
    """
    number = leg.parameter("origination_caller_id_number") or number
    name = leg.parameter("origination_caller_id_name") or name
    identity = f'"{name}" <sip:{number}@switch.example>'
    uri = leg.parameter("sip_invite_from_uri")
    found = {"From": f'"{name}" {uri}' if uri else identity}
    hides = "hide_number" in (leg.parameter("origination_privacy") or "")
    kind = leg.parameter("sip_cid_type") or "pid"
    if kind == "pid":
        found["P-Asserted-Identity"] = identity
        if hides:
            found["Privacy"] = "id"
    elif kind == "rpid":
        privacy = "full" if hides else "off"
        found["Remote-Party-ID"] = f"{identity};party=calling;screen=yes;privacy={privacy}"
    for variables in (leg.global_variables, leg.local_variables):
        for key, value in variables.items():
            if key.startswith(_HEADER):
                header = key.removeprefix(_HEADER)
                found[_COMPACT.get(header, header)] = value
    return found
