"""The gate: whatever comes from the wire, the legs and variables are those the plan means.

The oracle is the simulator's reading of FreeSWITCH's dial strings and variable lists, which is
written from FreeSWITCH's source and shares no line with the matcher.
"""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, acme, compiled
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of
from vnroute.matcher.gate import called_number, caller_name, caller_number
from vnroute.simulator import read_dial_string, read_multiset

# Every byte that FreeSWITCH gives a meaning to, and enough others.
HOSTILE = "}{[],|:_^$%;='\"\\\r\n\t\0 <>@/&()~`#!*?-+.sntux0129AZé😀\u202e"
texts = st.text(st.sampled_from(HOSTILE) | st.characters(), max_size=60)
FREESWITCH_SAFE = set(string.ascii_letters + string.digits + "!$&'()*+,-./:;=?@_~")


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    return Matcher(compiled(acme(), tmp_path_factory.mktemp("image")), seed=1)


def encode(text: str, keep_percent: bool) -> bytes:
    """Encode as FreeSWITCH may: some bytes plain, the rest as %XX, a %XX that was there kept."""
    out = bytearray()
    raw = text.encode("utf-8", "surrogatepass")
    for place, byte in enumerate(raw):
        char = chr(byte)
        hex_follows = len(raw) > place + 2 and all(
            chr(b) in string.hexdigits for b in raw[place + 1 : place + 3]
        )
        if (char in FREESWITCH_SAFE and byte < 128) or (
            char == "%" and hex_follows and keep_percent
        ):
            out.append(byte)
        else:
            out += b"%%%02X" % byte
    return bytes(out)


def channel(name: bytes, number: bytes, called: bytes, header: bytes) -> bytes:
    return (
        b"Event-Name: CHANNEL_DATA\nUnique-ID: ad99dd54-7094-4c17-9b18-1362a4ad2d05\n"
        b"Caller-Caller-ID-Name: " + name + b"\nCaller-Caller-ID-Number: " + number
        + b"\nCaller-Destination-Number: " + called
        + b"\nvariable_sip_h_X-Any: " + header
        + b"\nvariable_max_forwards: 70\n\n"
    )  # fmt: skip


def meaning(reply: bytes) -> tuple[dict[str, str], list[tuple[str, object]]]:
    """Read a reply as FreeSWITCH would: variables set, and legs of each bridge."""
    variables: dict[str, str] = {}
    rest: list[tuple[str, object]] = []
    for name, argument in applications_of(reply):
        if name == "multiset":
            variables.update({row.name: row.value for row in read_multiset(argument)})
        elif name == "bridge" and argument != "${vn_go}":
            legs = []
            tree = read_dial_string(argument)
            assert tree.error is None
            assert not tree.api_calls
            for branch in tree.branches:
                for group in branch.groups:
                    for leg in group.legs:
                        own = {**leg.global_variables, **leg.local_variables}
                        del own["origination_uuid"]
                        legs.append((leg.kind, leg.destination, tuple(sorted(own.items()))))
            rest.append((name, tuple(legs)))
        else:
            rest.append((name, argument))
    return variables, rest


@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=texts, number=texts, header=texts, keep=st.booleans())
@example(
    name="O'Brien, {J} | x},sofia/evil/900@1.2.3.4 ${system(id)} %0Aexit",
    number="+1\napplication: hangup", header="x%0A%0Aexit%0A%0A", keep=True,
)  # fmt: skip
@example(name="%%0A0A", number="%2B1%0A", header="", keep=True)
@example(name="unload mod_event_socket", number="", header="", keep=True)
def test_no_caller_changes_legs_or_variables(
    matcher: Matcher, name: str, number: str, header: str, keep: bool
) -> None:
    plain = channel(b"Ana", b"%2B34911234567", b"18005551234", b"x")
    variables, legs = meaning(matcher.decide(plain, MONDAY_NOON_IN_NEW_YORK))
    data = channel(encode(name, keep), encode(number, keep), b"18005551234", encode(header, keep))
    reply = matcher.decide(data, MONDAY_NOON_IN_NEW_YORK)
    assert reply.count(b"\n\n") == 3
    assert b"mod_event_socket" not in reply
    got, got_legs = meaning(reply)
    assert got_legs == legs
    for who in ("effective_caller_id_name", "effective_caller_id_number"):
        shown = got.pop(who)
        assert 1 <= len(shown) <= 60
        assert not set(shown) & set("}{[],|:_^$%;='\"\\\r\n\t\0<>@/&()~`#!*?")
        variables.pop(who, None)
    assert got == variables


@settings(max_examples=1500, deadline=None)
@given(called=texts, keep=st.booleans())
@example(called="18005551234%0Aexit", keep=True)
@example(called="18005551234|sofia/evil/1", keep=True)
def test_no_called_number_reaches_a_dial_string(matcher: Matcher, called: str, keep: bool) -> None:
    data = channel(b"Ana", b"1", encode(called, keep), b"")
    variables, rest = meaning(matcher.decide(data, MONDAY_NOON_IN_NEW_YORK))
    number = variables.get("vn_number", "+").removeprefix("+")
    assert number == "" or (number.isascii() and number.isdigit())
    if number != "18005551234":
        assert rest == [("hangup", "UNALLOCATED_NUMBER")]


@settings(max_examples=800, deadline=None)
@given(data=st.binary(max_size=400))
def test_no_bytes_whatever_stop_the_matcher(matcher: Matcher, data: bytes) -> None:
    reply = matcher.decide(data, MONDAY_NOON_IN_NEW_YORK)
    assert reply.endswith(b"\n\nexit\n\n")
    assert reply.count(b"\n\n") == 3


@pytest.mark.parametrize(
    ("encoded", "passes"),
    [
        (b"Ana%20Alvarez", "Ana Alvarez"),
        (b"J%C3%BCrgen%20M%C3%BCller", "Jürgen Müller"),
        (b"%D0%90%D0%BD%D0%BD%D0%B0", "Анна"),
        (b"%20%20a%20%20b%20%20", "a b"),
        (b"O'Brien", "O Brien"),
        (b"%E2%80%AEevil", "evil"),
        (b"a%CC%81", "a"),
        (b"%C3", ""),
        (b"%C3%28", ""),
        (b"%257Bx%257D", "7Bx 7D"),
        (b"", ""),
        (b"A" * 100, "A" * 60),
        ("é".encode() * 40, "é" * 30),
    ],
)
def test_names(encoded: bytes, passes: str) -> None:
    assert caller_name(encoded).decode() == passes


@pytest.mark.parametrize(
    ("encoded", "passes"),
    [
        (b"%2B34911234567", b"+34911234567"),
        (b"02079460123", b"02079460123"),
        (b"101", b"101"),
        (b"+", b""),
        (b"1" * 20, b"1" * 20),
        (b"1" * 21, b""),
        (b"anonymous", b""),
        (b"1%2C2", b""),
        (b"%2B%2B1", b""),
        (b"%2B34911234567%3Bcpc%3Dordinary", b"+34911234567"),
        (b"%3B1", b""),
        (b"%2B%3Bnpdi", b""),
        (b"1%3B,sofia/evil/1", b"1"),
    ],
)
def test_numbers(encoded: bytes, passes: bytes) -> None:
    assert caller_number(encoded) == passes


@given(st.integers(1, 10**15 - 1), st.sampled_from(["", "+", "%2B", "00"]))
def test_a_called_number_is_read_with_or_without_its_prefix(number: int, prefix: str) -> None:
    assert called_number(f"{prefix}{number}".encode()) == number


@given(
    st.integers(1, 10**15 - 1),
    st.sampled_from(["", "+", "00"]),
    st.sampled_from([";", "%3B"]),
    texts,
)
def test_parameters_behind_a_called_number_are_left(
    number: int, prefix: str, semicolon: str, rest: str
) -> None:
    data = f"{prefix}{number}{semicolon}".encode() + encode(rest, False)
    assert called_number(data) == number
    assert called_number(b"%2B18005551234%3Bnpdi%3Brn%3D%2B13125550199") == 18005551234


@pytest.mark.parametrize(
    "encoded",
    [b"", b"+", b"0", b"00", b"0123", b"+0123", b"000123", b"1a", b";1", b"%2B;1", b"0;1", b"00;1"],
)
def test_what_is_no_called_number_is_none(encoded: bytes) -> None:
    assert called_number(encoded) == 0


def test_the_gate_is_the_only_way(tmp_path: Path) -> None:
    """What the matcher reads of CHANNEL_DATA is a list of eight headers; no other text passes."""
    matcher = Matcher(compiled(acme(), tmp_path), seed=3)
    one = matcher.decide(channel(b"A", b"1", b"18005551234", b"first"), 0.0)
    again = Matcher(matcher.image, seed=3)
    two = again.decide(channel(b"A", b"1", b"18005551234", b"second%0A|}"), 0.0)
    assert one == two
