"""What answers of dips say; nothing else than digits ever comes out of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.dips.answers import NOT_PORTED, BadAnswer, Naptr, from_json, from_naptrs, from_uri

NUMBER = 15_551_234_567
ROUTING = 15_557_654_321


def naptr(uri: str, expression: str = "^.*$", service: str = "E2U+pstn:tel", order: int = 100,
          flags: str = "u", preference: int = 10) -> Naptr:  # fmt: skip
    return Naptr(
        order, preference, flags.encode(), service.encode(), f"!{expression}!{uri}!".encode()
    )


@pytest.mark.parametrize(
    ("body", "routing"),
    [
        (b'{"routing_number": "+15557654321"}', ROUTING),
        (b'{"routing_number": "+1-555-765-4321", "network": "x"}', ROUTING),
        (b'{"routing_number": null}', NOT_PORTED),
    ],
)
def test_json(body: bytes, routing: int) -> None:
    assert from_json(body) == routing


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"null", b"[]", b'"+15557654321"', b'{"routing_number": 15557654321}',
        b'{"routing_number": ""}', b'{"routing_number": "15557654321"}',
        b'{"routing_number": "+0155"}', b'{"routing_number": "+1234567890123456"}',
        b'{"routing_number": "+1555]sofia/gateway/x/1"}', b'{"routing_number": "+1|error/X"}',
        b'{"routing_number": "${system(id)}"}', b'{"routing_number": "+1555%0A2"}', b"[" * 100_000,
        b'{"routing_number": "+1\xff"}',
    ],
)  # fmt: skip
def test_bad_json(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        from_json(body)


@pytest.mark.parametrize(
    ("uri", "routing"),
    [
        (b"tel:+15551234567;npdi;rn=+15557654321", ROUTING),
        (b"TEL:+1-555-123-4567;RN=+1-555-765-4321;npdi", ROUTING),
        (b"tel:+15551234567;npdi", NOT_PORTED),
        (b"sip:+15551234567;npdi;rn=+15557654321@a.example;user=phone", ROUTING),
        (b"sips:+15551234567;npdi@a.example", NOT_PORTED),
    ],
)
def test_uris(uri: bytes, routing: int) -> None:
    assert from_uri(uri, NUMBER) == routing


@pytest.mark.parametrize(
    "uri",
    [
        b"", b"tel:", b"tel:+15551234568;npdi;rn=+15557654321", b"mailto:a@b.example",
        b"tel:+15551234567;npdi;rn=D018;rn-context=+49", b"sip:+15551234567;npdi;rn=+1555",
        b"tel:+15551234567;rn=+1555,1", b"tel:+15551234567;rn=+1555|error/X", b"tel:" + b"1" * 300,
        b"tel:+15551234567;rn=", b"tel:+15551234567;RN =+1",
    ],
)  # fmt: skip
def test_bad_uris(uri: bytes) -> None:
    with pytest.raises(BadAnswer):
        from_uri(uri, NUMBER)


def test_the_first_record_of_the_service_counts() -> None:
    records = [
        naptr("sip:x@a.example", service="E2U+sip", order=1),
        naptr("tel:+15551234567;rn=+12;npdi", order=200),
        naptr("tel:+15551234567;rn=+13;npdi", preference=20),
        naptr("tel:+15551234567;rn=+14;npdi", preference=10),
        naptr("tel:+15551234567;rn=+15;npdi", order=1, flags="s"),
    ]
    assert from_naptrs(records, NUMBER) == 14
    assert from_naptrs(records[:1], NUMBER) == NOT_PORTED
    assert from_naptrs([], NUMBER) == NOT_PORTED
    assert from_naptrs([naptr(r"tel:\1;npdi;rn=+17", "^(.*)$")], NUMBER) == 17


@pytest.mark.parametrize(
    "expression", ["^(a+)+$", "^\\+1555.*$", "", "(.*)", "^.*$!!", "^" + "(" * 5000 + "$"]
)
def test_an_expression_from_the_wire_is_never_run(expression: str) -> None:
    with pytest.raises(BadAnswer):
        from_naptrs([naptr("tel:+15551234567;npdi;rn=+17", expression)], NUMBER)


parts = st.lists(
    st.sampled_from(
        [b"tel:", b"sip:", b"+15551234567", b";", b"rn", b"=", b"+", b"1555", b"npdi", b"!",
         b"^.*$", b"@", b"%0A", b",", b"|", b"]", b"${x}", b"\x00", b"\xff", b"\\1"]
    ) | st.binary(max_size=4),
    max_size=14,
).map(b"".join)  # fmt: skip


@given(parts)
def test_whatever_an_answer_says_it_is_a_number_or_none(text: bytes) -> None:
    for read in (
        lambda: from_uri(text, NUMBER),
        lambda: from_naptrs([Naptr(1, 1, b"u", b"E2U+pstn:tel", text)], NUMBER),
        lambda: from_naptrs([Naptr(1, 1, b"u", b"E2U+pstn:tel", b"!^.*$!" + text + b"!")], NUMBER),
        lambda: from_json(text),
        lambda: from_json(b'{"routing_number": "%b"}' % text),
    ):
        try:
            found = read()
        except BadAnswer:
            continue
        assert isinstance(found, int) and 0 <= found < 10**15
