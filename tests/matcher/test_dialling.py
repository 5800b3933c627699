"""What of a call's own headers reaches a leg: Identity, and how often it was diverted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.dialling_table import CALLER, IDENTITY
from tests.matcher.test_gate import encode, texts
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.matcher.gate import diversions, is_identity
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step
from vnroute.simulator import read_dial_string
from vnroute.simulator.dialstring import Leg

DID, TARGET = "+18005551234", "442079460123"
QUIET = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def routing(*gateways: Gateway, steps: tuple[Step, ...] = ()) -> MemoryRouting:
    return MemoryRouting(
        account_list=[Account(id="a")],
        plan_list=[
            Plan(id="p", account="a", steps=(*(steps or (Step(ring=(f"+{TARGET}",)),)),
                                             Step(hangup="relay")))
        ],
        number_list=[Number(number=DID, account="a", plan="p")],
        carrier_list=[Carrier(id="c", gateways=gateways)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    gateway = Gateway(id="g", gateway="g", diversion="diversion")
    return Matcher(compiled(routing(gateway), tmp_path_factory.mktemp("image")), seed=1)


def legs(matcher: Matcher, more: bytes = b"", caller: str = CALLER) -> list[Leg]:
    """Return the legs of all bridges of a call with more header lines."""
    data = channel_data(DID[1:], caller=caller)[:-1] + more + b"\n"
    reply = matcher.decide(data, MONDAY_NOON_IN_NEW_YORK)
    found = []
    for name, argument in applications_of(reply):
        if name == "bridge" and argument.startswith("{"):
            (branch,) = read_dial_string(argument.replace("${", "$(").replace("addr}", "addr)")
                                         .replace("identity}", "identity)")).branches  # fmt: skip
            found += [leg for group in branch.groups for leg in group.legs]
    return found


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (IDENTITY, True),
        (IDENTITY.replace("ppt=shaken", 'ppt="shaken"'), True),
        ("..c2ln;info=<https://c.example/p.crt>;alg=ES256;ppt=shaken", True),
        ("a.b.c; info=<https://c.example/p.crt>", True),
        ("a.b.c", False),
        ("a.b;info=<x>", False),
        ("a.b.;info=<x>", False),
        ("a.b.c.d;info=<x>", False),
        (f"{IDENTITY},{IDENTITY}", False),
        ("a.b.c;info=<https://x/:_:y>", False),
        ("a.b.c;info=<https://x/~y>", False),
        ("a.b.c;info=<x>;a=${uuid}", False),
        ("a.b.c;info=<x>]sofia/gateway/x/1", False),
        ("a.b.c;info=<x>|error/x", False),
        ("a.b.c;info=" + "x" * 4085, True),
        ("a.b.c;info=" + "x" * 4086, False),
        ("", False),
    ],
)
def test_identity(value: str, passes: bool) -> None:
    assert is_identity(encode(value, keep_percent=True)) == passes


@given(st.one_of(texts, st.from_regex(r"\A\w*\.\w*\.\w+;[!-~ ]{0,40}\Z")), st.booleans())
@example("a.b.c;x=\\,y", True)
@QUIET
def test_an_identity_that_passes_is_one_value_of_one_leg(text: str, keep_percent: bool) -> None:
    if is_identity(encode(text, keep_percent)):
        read = read_dial_string(f"{{sip_h_y={text},leg_timeout=9}}[a=b]sofia/gateway/g/1")
        (branch,) = read.branches
        ((leg,),) = (group.legs for group in branch.groups)
        assert (leg.parameter("sip_h_y") or "").strip() == text.strip()
        assert leg.parameter("leg_timeout") == "9"
        assert leg.destination == "gateway/g/1"


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("", 0),
        (" ", 0),
        ("<sip:+14155550111@c>;reason=no-answer;counter=2", 2),
        ("<sip:+14155550111@c>;reason=no-answer", 1),
        ("<sip:a@c>;counter=2,<sip:b@c>;counter=3", 5),
        ('"x,counter=50" <sip:a@c>;Counter=2', 2),
        ("<sip:a@c>;counter=0", 1),
        ("<sip:a@c>;counter=99999999999999999999", 99),
        ("," * 500, 99),
    ],
)
def test_diversions(value: str, count: int) -> None:
    assert diversions(encode(value, keep_percent=True)) == count


@given(texts, st.booleans())
@QUIET
def test_nothing_of_a_diversion_but_its_count_reaches_a_leg(
    matcher: Matcher, text: str, keep_percent: bool
) -> None:
    value = encode(text, keep_percent)
    (leg,) = legs(matcher, b"variable_sip_h_Diversion: " + value + b"\n")
    told = leg.parameter("sip_h_Diversion") or ""
    assert re.fullmatch(
        rf"<sip:\{DID}@\$\(sip_local_network_addr\)>;reason=unconditional;counter=([1-9]\d?|100)",
        told,
    )


def test_reasons_by_what_is_known_before_anything_rings(tmp_path: Path) -> None:
    gateway = Gateway(id="g", gateway="g", diversion="diversion")
    steps = (Step(ring=(f"+{TARGET}", "+442079460124")), Step(ring=("+442079460125",)))
    matcher = Matcher(compiled(routing(gateway, steps=steps), tmp_path))
    told = [leg.parameter("sip_h_Diversion") or "" for leg in legs(matcher)]
    assert [text.partition("reason=")[2].partition(";")[0] for text in told] == [
        "unconditional", "no-answer", "no-answer",
    ]  # fmt: skip


@pytest.mark.parametrize("show", ["", "caller", "did", "anonymous", "+442079460000"])
@pytest.mark.parametrize("target_show", ["caller", "did", "anonymous", "+442079460001"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_withheld_number_goes_to_a_trusted_gateway_alone(
    tmp_path: Path, show: str, target_show: str, trusted: bool
) -> None:
    asking = Gateway(id="g", gateway="g", show=show, trusted=trusted, diversion="history-info")
    steps = (Step(ring=(f"+{TARGET}",), show=target_show),)
    matcher = Matcher(
        compiled(routing(asking, Gateway(id="o", gateway="o"), steps=steps), tmp_path)
    )
    hidden = (
        b"Caller-Privacy-Hide-Number: true\nvariable_sip_h_identity: " + IDENTITY.encode() + b"\n"
    )
    data = channel_data(DID[1:], caller=CALLER)[:-1] + hidden + b"\n"
    reply = matcher.decide(data, MONDAY_NOON_IN_NEW_YORK).decode()
    sees = trusted and (show or target_show) == "caller" and target_show != "anonymous"
    assert (CALLER in reply) == (sees or (trusted and target_show == show == "caller"))
    assert "identity" not in reply
    if CALLER in reply:
        before, _, after = reply.partition(CALLER)
        assert before.rpartition("[")[2].count("]") == 0  # in the brackets of one leg
        assert after.partition("]")[2].startswith("sofia/gateway/g/")
        assert "hide_number" in after.partition("]")[0]


def test_formats_write_the_number_that_is_shown(tmp_path: Path) -> None:
    national = Gateway(
        id="g", gateway="g", caller_format="00{e164_digits}",
        caller_formats={"+34": "0{national}", "+1800": "1{e164_digits:1}"},
    )  # fmt: skip
    for show, caller, shown in (
        ("caller", "+34911234567", "0911234567"),
        ("caller", "34911234567", "0911234567"),
        ("caller", "0034911234567", "0911234567"),
        ("caller", "+4930123456", "004930123456"),
        ("caller", "0911234567", "0911234567"),
        ("caller", "112", "112"),
        ("did", "+34911234567", "18005551234"),
        ("+34911234000", "", "0911234000"),
    ):
        steps = (Step(ring=(f"+{TARGET}",), show=show),)
        matcher = Matcher(compiled(routing(national, steps=steps), tmp_path))
        (leg,) = legs(matcher, caller=caller)
        assert leg.parameter("origination_caller_id_number") == shown
