"""The control connection by which a switch is asked for calls that are up, and told to end some.

``show bridged_calls`` lists them, without their variables; so each call that is new is asked once
for its account and its legs' gateways. What a stranger wrote is in the list as well (names, numbers
in any form): only uuids that are such go into a command, and the rest through the gate that call
records go through.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from vnroute.calls.cleaning import clean_id, clean_number, clean_uuid
from vnroute.calls.reading import clean_dialled, gateway_of
from vnroute.calls.up import CallUp
from vnroute.carriers.switch_link import Link, main
from vnroute.model.causes import CAUSES

__all__ = ["CallsLink", "HangUp"]

_ASK_SECONDS = 2.0
"""How long calls that are new are asked for at a time; the others wait for the next look."""
_NONE = "_undef_"


class HangUp(msgspec.Struct, frozen=True):
    """What the parent tells: calls to end, and with which cause."""

    uuids: tuple[str, ...]
    cause: str


class _Row(msgspec.Struct, frozen=True):
    uuid: str = ""
    created_epoch: str = ""
    cid_num: str = ""
    dest: str = ""
    b_uuid: str = ""
    b_dest: str = ""
    call_created_epoch: str = ""


class _List(msgspec.Struct, frozen=True):
    rows: list[_Row] = []


class CallsLink(Link):
    """Asks for calls that are up; listens to no events."""

    events = ""
    longest_pause = 60.0

    def __init__(self, settings: Any, connection: Any) -> None:
        super().__init__(settings, connection)
        self._known: dict[tuple[str, str], CallUp | None] = {}

    def ask(self) -> float:
        """Tell of all calls that are up, and return the seconds it took."""
        began = time.monotonic()
        clock = self.api("strftime", "%s").strip()
        body = self.api("show", "bridged_calls as json")
        try:
            rows = msgspec.json.decode(body, type=_List).rows
        except msgspec.DecodeError as error:
            # A switch whose own database is not there says so in words.
            self.tell("event", f"no list of calls: {error}: {body[:80]!r}")
            return time.monotonic() - began
        listed: dict[tuple[str, str], CallUp | None] = {}
        for row in rows:
            key = (row.uuid, row.b_uuid)
            if key in self._known:
                listed[key] = self._known[key]
            elif time.monotonic() - began < _ASK_SECONDS:
                listed[key] = self._call(row)
        self._known = listed
        calls = tuple(call for call in listed.values() if call is not None)
        self.tell("calls", calls=calls, clock=_moment(clock) / 1e6 or time.time())
        return time.monotonic() - began

    def _call(self, row: _Row) -> CallUp | None:
        """Return what is known of a call; None for one that vnroute has not routed."""
        uuid = clean_uuid(row.uuid)
        account = clean_id(self._variable(uuid, "vn_account")) if uuid else ""
        if not account:
            return None
        labels = self._variable(uuid, "vn_legs").split(",")
        return CallUp(
            uuid=uuid,
            account=account,
            number=clean_number(row.dest),
            caller=clean_number(row.cid_num),
            gateway=gateway_of(row.b_uuid, labels),
            dialled=clean_dialled(row.b_dest),
            started=_moment(row.created_epoch),
            bridged=_moment(row.call_created_epoch or row.created_epoch),
        )

    def _variable(self, uuid: str, name: str) -> str:
        value = self.api("uuid_getvar", f"{uuid} {name}").strip()
        return "" if value == _NONE or value.startswith("-ERR") else value

    def told(self, line: bytes) -> None:
        """End the calls that the parent names."""
        order = msgspec.json.decode(line, type=HangUp)
        if order.cause not in CAUSES:
            raise ValueError(f"{order.cause!r} is no cause")
        ended = 0
        for uuid in order.uuids:
            if clean_uuid(uuid) == uuid:
                ended += self.api("uuid_kill", f"{uuid} {order.cause}").startswith("+OK")
        self.tell("event", f"{ended} of {len(order.uuids)} calls hung up: {order.cause}")


def _moment(text: str) -> int:
    """Return Unix microseconds of seconds; 0 for what are none."""
    return int(text) * 1_000_000 if text.isascii() and text.isdigit() and len(text) < 12 else 0


if __name__ == "__main__":
    main(CallsLink)
