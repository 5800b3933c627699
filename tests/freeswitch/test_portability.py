"""Portability data in a request (RFC 4694), and ported targets: on a real switch, and simulated.

Whose number it is that is called is told by its digits, whatever routing number stands beside them;
what its plan rings goes to the carrier of the target's routing number, and there the target's own
number is dialled. Messages are read at the carriers, as they came.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, SippCaller, free_port, variable
from tests.freeswitch.raw_sip import RawCaller, RawPhone, header
from tests.freeswitch.test_main_job import Node, vnroute
from vnroute.loadtest.profile import Ported
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of
from vnroute.matcher.image import RouteImage
from vnroute.portability.table import PortabilityTable
from vnroute.simulator.applications import split_application
from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.invite import request_user
from vnroute.simulator.switch import Session, Wait

DID, OTHER = "+18005557000", "+18005557001"
TARGET, STAYED = "442079460123", "442079460999"
LRN, FOREIGN = "+13125550199", "+14695550000"
NOW = 1795364836.4

ROUTING = f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: cheap, gateways: [{{id: cheap-1, gateway: gwCheap}}]}}
  - {{id: network, gateways: [{{id: network-1, gateway: gwNetwork}}]}}
rates:
  - {{prefix: "+44", carrier: cheap, rate: 0.01}}
  - {{prefix: "+1312", carrier: network, rate: 0.05}}
plans:
  - {{id: ported, account: acme, steps: [{{ring: ["+{TARGET}"], seconds: 5}}, {{hangup: relay}}]}}
  - {{id: stayed, account: acme, steps: [{{ring: ["+{STAYED}"], seconds: 5}}, {{hangup: relay}}]}}
numbers:
  - {{number: "{DID}", account: acme, plan: ported}}
  - {{number: "{OTHER}", account: acme, plan: stayed}}
"""
PORTED = f"number,routing_number\n+{TARGET},{LRN}\n"

FORMS = {
    "user": (Ported(rn=FOREIGN), FOREIGN),
    "uri": (Ported(rn=FOREIGN, where="uri"), FOREIGN),
    "asked, not ported": (Ported(), ""),
    "rn alone": (Ported(rn=FOREIGN, npdi=False), FOREIGN),
    "none": (None, ""),
}
"""What the request says, and the routing number that the call's record then bears."""

WENT = {DID: ("gwNetwork", TARGET), OTHER: ("gwCheap", STAYED)}
"""The gateway and the number dialled for each of ours: the first one's target is ported."""

HOSTILE = (
    ";npdi;rn=+1312555,[absolute_codec_string=PCMA]sofia/gateway/gwCheap/900",
    ";rn=+1312|error/USER_BUSY",
    ";npdi;rn=$%7Bsystem(id)%7D",
    ";rn=%0D%0AX-Evil:%201",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vnroute")
    (folder / "routes.yaml").write_text(ROUTING)
    (folder / "ported.csv").write_text(PORTED)
    vnroute(folder, "load", "routes.yaml")
    vnroute(folder, "compile")
    vnroute(folder, "portability", "import", "ported.csv")
    return folder


class Stage:
    """A switch with vnroute behind it, and a phone behind each gateway."""

    def __init__(self, switch: FreeSwitch, phones: dict[str, RawPhone]) -> None:
        self.switch = switch
        self._phones = phones

    def went(self) -> list[tuple[str, str]]:
        """Return the INVITEs that came since it was asked last, with their gateways."""
        self.switch.wait_idle()
        found = [(name, invite) for name, phone in self._phones.items() for invite in phone.invites]
        for phone in self._phones.values():
            phone.messages.clear()
        return found


@pytest.fixture(scope="module")
def stage(home: Path) -> Iterator[Stage]:
    gateways = [Gateway(name, free_port()) for name in ("gwCheap", "gwNetwork")]
    with (
        Node(home) as node,
        FreeSwitch([node.address], gateways) as switch,
        ExitStack() as stack,
    ):
        phones = {gateway.name: stack.enter_context(RawPhone(gateway.port)) for gateway in gateways}
        yield Stage(switch, phones)
        # FreeSWITCH itself keeps what looks like its own variables out of those it makes of a URI.
        complaints = switch.complaints()
        assert [line for line in complaints if "contains a variable" not in line] == []


@pytest.mark.freeswitch
@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", WENT)
def test_a_call_with_portability_data_on_a_real_switch(
    stage: Stage, number: str, form: str
) -> None:
    ported, recorded = FORMS[form]
    before = len(stage.switch.cdrs())
    with SippCaller(stage.switch.address, [number], ported=ported) as caller:
        assert caller.wait().codes() == {200: 1}
    ((gateway, invite),) = stage.went()
    assert gateway == WENT[number][0]
    assert invite.split()[1].startswith(f"sip:{WENT[number][1]}@")
    assert header(invite, "To").startswith(f"<sip:{WENT[number][1]}@")
    # Neither the caller's routing number nor the target's reaches the carrier, in no header.
    assert "rn=" not in invite and "npdi" not in invite
    assert FOREIGN[1:] not in invite and LRN[1:] not in invite
    deadline = time.monotonic() + 10
    while len(stage.switch.cdrs()) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    (record,) = stage.switch.cdrs()[before:]
    assert variable(record, "vn_number") == number
    assert (variable(record, "vn_routing_number") or "") == recorded


@pytest.mark.freeswitch
@pytest.mark.timeout(120)
@pytest.mark.parametrize("parameters", HOSTILE)
def test_a_hostile_routing_number_changes_nothing_on_a_real_switch(
    stage: Stage, parameters: str
) -> None:
    with RawCaller(
        stage.switch.address, DID + parameters, '"Al" <sip:+34911234567@a.example>'
    ) as raw:
        assert raw.final.wait(10)
        if raw.code == 200:
            raw.hang_up()
        went = stage.went()
    for gateway, invite in went:
        # What FreeSWITCH itself does not refuse goes where it would have gone without.
        assert gateway == "gwNetwork"
        assert invite.split()[1].startswith(f"sip:{TARGET}@")
        assert "Evil" not in invite and "system" not in invite
    assert raw.code == 200 or not went


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", WENT)
def test_a_call_with_portability_data_in_the_simulator(home: Path, number: str, form: str) -> None:
    ported, recorded = FORMS[form]
    matcher = Matcher(RouteImage(home / "images" / "current.vni"), seed=1)
    matcher.port(PortabilityTable(home / "images" / "portability.vnp"))
    called, extra = number, []
    if ported is not None and ported.where == "user":
        called += ported.parameters
    elif ported is not None:
        extra = [("sip_req_params", f"user=phone{ported.parameters}")]
    setup = Setup("0f000000-aaaa", called, Caller("+34911234567"), 1, extra=extra)
    reply = matcher.decide(encode_channel_data(setup), NOW)
    steps = [split_application(f"{n} {a}") for n, a in applications_of(reply)]
    gateways = Gateways.from_mapping({"gateways": {WENT[number][0]: {"answer": "100ms"}}})
    session = Session(setup, gateways, NOW, random.Random(1), float("inf"))
    for request in session.steps(steps):
        assert isinstance(request, Wait)
    assert session.final_sip == 200
    (attempt,) = session.attempts
    assert (attempt.gateway, request_user(attempt.leg)) == WENT[number]
    assert (session.channel.get("vn_routing_number") or "") == recorded
