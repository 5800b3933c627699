"""What a switch may answer that is asked for its calls: anything, and no command is made of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.calls.up import CallUp
from vnroute.carriers.calls_link import CallsLink
from vnroute.carriers.switch_link import LinkSettings

SETTINGS = LinkSettings(name="fs1", host="127.0.0.1", port=8021)
COMMAND = re.compile(r"strftime %s|show bridged_calls as json|uuid_getvar [\w.-]{1,64} vn_\w+")


class Body(str):
    """An answer, as the library gives it."""

    def getBody(self) -> str:
        return str(self)


class Connection:
    """Answers each command with what was made up for it; writes down what it is asked."""

    def __init__(self, listed: str, variable: str, clock: str) -> None:
        self.answers = {"show": listed, "uuid_getvar": variable, "strftime": clock}
        self.asked: list[str] = []

    def api(self, command: str, arguments: str) -> Body:
        self.asked.append(f"{command} {arguments}")
        return Body(self.answers[command])


class Link(CallsLink):
    """Keeps what it would tell its parent."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(SETTINGS, connection)
        self.reports: list[tuple[str, dict[str, Any]]] = []

    def tell(self, kind: Any, text: str = "", **more: Any) -> None:
        self.reports.append((kind, more))


NAMES = ("uuid", "created_epoch", "cid_num", "dest", "b_uuid", "b_dest", "call_created_epoch")
TEXTS = st.one_of(
    st.text(max_size=40), st.integers().map(str), st.uuids().map(str),
    st.sampled_from(["01001234-0000-8000-8000-000000000001", "+18005551201", "a\n\napi x", "²"]),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), TEXTS), max_size=5)
LISTS = st.one_of(
    st.text(max_size=60),
    ROWS.map(lambda rows: msgspec.json.encode({"row_count": len(rows), "rows": rows}).decode()),
)


@given(LISTS, TEXTS, TEXTS)
def test_whatever_it_answers_only_clean_calls_are_told(
    listed: str, variable: str, clock: str
) -> None:
    connection = Connection(listed, variable, clock)
    link = Link(connection)
    link.ask()
    assert all(COMMAND.fullmatch(command) for command in connection.asked)
    for kind, more in link.reports:
        assert kind in ("calls", "event")
        for call in more.get("calls", ()):
            assert isinstance(call, CallUp)
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", call.uuid)
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", call.account)
            assert re.fullmatch(r"[0-9A-Za-z+*#._-]{0,64}", call.dialled)
            assert 0 <= call.started < 1 << 63 and 0 <= call.bridged < 1 << 63


def test_calls_that_are_many_are_asked_for_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"uuid": f"u{n}", "b_uuid": "b"} for n in range(5)]
    connection = Connection(msgspec.json.encode({"rows": rows}).decode(), "acme", "1700000000")
    link = Link(connection)
    now = iter(range(1000))
    monkeypatch.setattr("vnroute.carriers.calls_link.time.monotonic", lambda: next(now) * 0.9)
    for _ in range(4):
        link.ask()
    told = [len(more["calls"]) for _, more in link.reports]
    assert told[0] < told[1] <= told[2] <= 5 and told[-1] == 5
    asked = [command for command in connection.asked if command.endswith("vn_account")]
    assert len(asked) == len(set(asked)) == 5
