"""What carriers are told of a call behind a real FreeSWITCH: whole messages are read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.dialling_table import (
    CALLER,
    DID,
    IDENTITY,
    ROUTING,
    ROWS,
    TARGET,
    WITHHELD,
    Row,
    row_id,
)
from tests.freeswitch.harness import FreeSwitch, Gateway, free_port
from tests.freeswitch.raw_sip import RawCaller, RawPhone, header
from tests.freeswitch.test_main_job import Node, vnroute

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]


class Stage:
    """A switch with vnroute behind it, and a phone behind each gateway."""

    def __init__(self, switch: FreeSwitch, ports: dict[str, int]) -> None:
        self.switch = switch
        self.ports = ports

    def call(
        self, number: str, lines: Sequence[str], phones: dict[str, str], caller: str = CALLER
    ) -> tuple[RawCaller, dict[str, list[str]]]:
        """Call a number; phones by gateway answer with a status. Return all that was said."""
        with ExitStack() as stack:
            far = {
                name: stack.enter_context(
                    RawPhone(
                        self.ports[name],
                        status,
                        [f'P-Asserted-Identity: "Secret" <sip:{TARGET}@far.example>'],
                    )
                )
                for name, status in phones.items()
            }
            asking = RawCaller(self.switch.address, number, f'"Al" <sip:{caller}@a.example>', lines)
            with asking as raw:
                assert raw.final.wait(10)
                time.sleep(0.3)
                if raw.code == 200:
                    raw.hang_up()
                self.switch.wait_idle()
            return raw, {name: phone.invites for name, phone in far.items()}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("vnroute")
    (home / "routes.yaml").write_text(ROUTING)
    vnroute(home, "load", "routes.yaml")
    vnroute(home, "compile")
    names = sorted(set(re.findall(r"gateway: (gw\w+)", ROUTING)))
    gateways = [Gateway(name, free_port()) for name in names]
    with Node(home) as node, FreeSwitch([node.address], gateways) as switch:
        yield Stage(switch, {gateway.name: gateway.port for gateway in gateways})
        assert switch.complaints() == []


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_what_a_carrier_is_told(stage: Stage, row: Row) -> None:
    caller, legs = stage.call(row.number, row.lines, dict(row.carriers), row.caller)
    assert caller.code == row.code
    for name, told in row.told.items():
        (invite,) = legs[name]
        assert invite.split()[1].partition("@")[0] == f"sip:{told['dialled']}"
        for key, wanted in told.items():
            if key == "dialled":
                continue
            found = invite if key == "body" else header(invite, key)
            assert re.search(wanted, found) if wanted else not found, (name, key, found)
    if row.lines[: len(WITHHELD)] == WITHHELD:
        for name, invites in legs.items():
            assert all(CALLER[1:] not in invite for invite in invites) or name in row.trusted
    # The number that was rung never reaches the caller, not even a part of it.
    assert TARGET[2:] not in caller.heard
    assert "Secret" not in caller.heard


def test_a_withheld_number_reaches_nobody_who_is_not_trusted(stage: Stage) -> None:
    _, legs = stage.call(
        DID["history"], [*WITHHELD, f"Identity: {IDENTITY}"], {"gwHistory": "200 OK"}, "anonymous"
    )
    (invite,) = legs["gwHistory"]
    assert CALLER[1:] not in invite
    assert IDENTITY not in invite
