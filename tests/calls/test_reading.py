"""From a record to a call: what a real switch posted, and what nobody should post."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from typing import Any
from urllib.parse import quote_plus, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.support import NOW, captured, leg_uuid, record
from vnroute.calls.body import json_of
from vnroute.calls.cleaning import clean_name, clean_number, text_of
from vnroute.calls.reading import ForeignRecord, OfLeg, Unreadable, read_record
from vnroute.calls.record import Call


def read(body: bytes, received: int = NOW) -> Call:
    return read_record(json_of(body, "application/json")[0], received)


@pytest.mark.parametrize(
    "name, outcome, cause, sip, legs",
    [
        ("answered_on_second", "answered", "NORMAL_CLEARING", 200,
         [("failed", "NORMAL_TEMPORARY_FAILURE", 503), ("answered", "NORMAL_CLEARING", 200)]),
        ("busy", "busy", "USER_BUSY", 486,
         [("busy", "USER_BUSY", 0), ("busy", "USER_BUSY", 0), ("busy", "USER_BUSY", 486)]),
        ("all_503", "failed", "NORMAL_TEMPORARY_FAILURE", 503,
         [("failed", "NORMAL_TEMPORARY_FAILURE", code) for code in (0, 0, 503)]),
        ("silent", "failed", "PROGRESS_TIMEOUT", 480, [("failed", "PROGRESS_TIMEOUT", 0)] * 3),
        ("together", "answered", "NORMAL_CLEARING", 200,
         [("cancelled", "LOSE_RACE", 0), ("answered", "NORMAL_CLEARING", 200)]),
        ("refused", "failed", "UNALLOCATED_NUMBER", 404, []),
    ],
)  # fmt: skip
def test_what_a_real_switch_posted(
    name: str, outcome: str, cause: str, sip: int, legs: list[tuple[str, str, int]]
) -> None:
    call = read(captured(name))
    assert (call.outcome, call.cause, call.sip) == (outcome, cause, sip)
    assert (call.number, call.account, call.campaign) == ("+18005551234", "acme", "spring-26")
    assert (call.generation, call.caller, call.caller_name) == (42, "+34911234567", "Ana")
    assert [(leg.outcome, leg.cause, leg.sip) for leg in call.legs] == legs
    assert [leg.attempt for leg in call.legs] == list(range(1, len(legs) + 1))
    assert call.routed and not call.clock_off


def test_times_of_an_answered_call() -> None:
    call = read(captured("answered_on_second"))
    assert (call.started, call.answered, call.ended) == (
        1795367095780584, 1795367096020463, 1795367096360497)  # fmt: skip
    assert (call.talk_ms, call.duration_ms, call.pdd_ms) == (340, 579, 0)
    assert [leg.talk_ms for leg in call.legs] == [0, 340]


def test_legs_rung_together_tell_their_own_causes() -> None:
    """``originate_causes`` stays empty after an enterprise originate."""
    call = read(captured("enterprise"))
    assert (call.outcome, call.campaign) == ("answered", "spring")
    assert [(leg.gateway, leg.dialled, leg.outcome, leg.cause, leg.sip) for leg in call.legs] == [
        ("alpha-1", "12125550100", "cancelled", "LOSE_RACE", 0),
        ("beta-1", "442079460123", "answered", "NORMAL_CLEARING", 200),
    ]
    waiting = captured("enterprise").replace(
        b"ARRAY%3A%3A00a1", b"ARRAY%3A%3Aff00%3Bx%3B1%7C%3A00a1"
    )
    assert len(read(waiting).legs) == 2
    gave_up = json.loads(captured("enterprise"))
    for name in ("vn_c00", "bridge_uuid", "last_bridge_to", "answer_uepoch", "bridge_uepoch"):
        gave_up["variables"].pop(name, None)
    gave_up["variables"]["hangup_cause"] = "ORIGINATOR_CANCEL"
    call = read(json.dumps(gave_up).encode())
    assert (call.outcome, call.sip) == ("cancelled", 487)
    assert [leg.outcome for leg in call.legs] == ["cancelled", "cancelled"]


def test_a_phone_of_our_own_is_named_by_its_dial_string() -> None:
    call = read(record(gateways="alpha-1,user/1001@pbx", legs=((1, "NONE"),)))
    assert call.legs[0].gateway == "user/1001@pbx"


def test_a_leg_is_named_by_its_uuid() -> None:
    call = read(record(legs=((0, "NORMAL_TEMPORARY_FAILURE"), (2, "NONE")), gateways="a-1,a-2,b"))
    assert [leg.gateway for leg in call.legs] == ["a-1", "b"]
    assert {leg.dialled for leg in call.legs} == {"12125550100"}
    foreign = record(legs=((7, "USER_BUSY"),), gateways="a-1")
    assert read(foreign).legs[0].gateway == ""
    of_the_switch = record().replace(b"%3BNONE", b"%3BNONE%7C%3A" + b"x" * 8 + b"%3BUSER_BUSY")
    assert (read(of_the_switch).legs[1].gateway, read(of_the_switch).legs[1].outcome) == (
        "",
        "busy",
    )


def test_a_refused_call_and_one_that_ran_into_the_fallback() -> None:
    call = read(record(legs=(), cause="UNALLOCATED_NUMBER", vn_refused="unknown_number"))
    assert (call.outcome, call.refused, call.sip, call.legs) == (
        "refused", "unknown_number", 404, ())  # fmt: skip
    body = json.loads(record(legs=(), cause="NORMAL_TEMPORARY_FAILURE"))
    for name in [name for name in body["variables"] if name.startswith("vn_")]:
        del body["variables"][name]
    fallback = read(json.dumps(body).encode())
    assert (fallback.routed, fallback.number, fallback.account) == (False, "+18005551234", "")
    assert (fallback.outcome, fallback.sip) == ("failed", 503)


def test_records_of_legs_and_of_calls_that_are_not_ours() -> None:
    with pytest.raises(OfLeg):
        read(record(direction="outbound", call=leg_uuid(0)))
    with pytest.raises(ForeignRecord):
        read(record(direction="outbound"))


@pytest.mark.parametrize(
    "body, why",
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "array"),
        (b"null", "null"),
        (b'{"variables": []}', "variables"),
        (b'{"variables": {}}', "no uuid"),
        (b'{"variables": {"uuid": "<script>"}}', "no uuid"),
        (b'{"variables": {"uuid": "a"}} trailing', "malformed"),
        (b"cdr=%7B", "truncated"),
        (b"{" * 100_000, "malformed"),
        (b'{"variables":' * 5000, "nested too deep"),
    ],
)
def test_what_is_no_record_is_told(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=f"(?i){why}"):
        read(body)


def test_forms_and_base64_as_mod_json_cdr_may_be_told_to_post() -> None:
    body = captured("busy")
    form = b"cdr=" + quote_plus(body).encode()
    assert json_of(form, "application/x-www-form-urlencoded") == (body, False)
    packed = b"cdr=" + quote_plus(base64.b64encode(body)).encode()
    assert json_of(packed, "application/x-www-form-base64-encoded") == (body, False)
    assert json_of(body, "application/x-www-form-urlencoded") == (body, False)
    with pytest.raises(Unreadable):
        json_of(b"cdr=a", "application/x-www-form-base64-encoded")


def test_a_name_in_the_wrong_charset_loses_no_call() -> None:
    body = record(name="Zo?").replace(b'"Zo?"', '"Zoë"'.encode("latin-1"))
    mended, was = json_of(body, "application/json")
    assert was
    assert read_record(mended, NOW).caller_name == "Zoë"


@pytest.mark.parametrize("started", [0.0, 1.0, 946684800.0, 4102444800.0, 9e11])
def test_a_clock_that_is_years_off_moves_the_call_and_keeps_its_length(started: float) -> None:
    received = int(time.time() * 1e6)
    call = read(record(started=started, talk=60), received)
    assert call.clock_off
    assert call.ended == received
    assert (call.talk_ms, call.duration_ms, call.pdd_ms) == (60_000, 62_000, 800)


def test_a_record_that_is_hours_late_keeps_its_own_time() -> None:
    started = time.time() - 86400 * 3
    call = read(record(started=started), int(time.time() * 1e6))
    assert not call.clock_off
    assert call.started == int(started * 1e6)


def test_nonsense_in_single_fields_loses_only_those() -> None:
    call = read(
        record(
            account="'; DROP TABLE calls; --", campaign="<script>alert(1)</script>",
            number="+1800", vn_generation="-5", vn_hops="10" * 40, caller="anonymous",
            hangup_cause_q850="x", end_uepoch="nan", gateways="../../etc/passwd",
        )
    )  # fmt: skip
    assert (call.account, call.campaign, call.number, call.caller) == ("", "", "+1800", "")
    assert (call.generation, call.hops, call.q850, call.legs[0].gateway) == (0, 0, 0, "")


def test_names_of_strangers_are_made_harmless() -> None:
    assert clean_name("\x1b[2J\x07Eve\r\nFrom: x\x00\u202egnp\u2066") == "[2JEve From: xgnp"
    assert clean_name("%1B%5B31mEve") == "[31mEve"
    assert clean_name("<b>Eve</b> ${system ls}") == "<b>Eve</b> ${system ls}"
    assert len(clean_name("é" * 5000)) == 120
    assert clean_name(None) == clean_name([]) == clean_name({}) == ""


def test_numbers() -> None:
    for text, found in {
        "+34911234567": "+34911234567", "34911234567": "+34911234567",
        "12125550100": "+12125550100",
        "0207946012": "0207946012", "*31#123": "*31#123", "anonymous": "", "+": "+", "": "",
        "+12345678901234567": "+12345678901234567", "٣٤٩١١٢٣٤٥٦٧": "", "1;rm": "",
    }.items():  # fmt: skip
        assert clean_number(text) == found, text


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_NAMES = [
    "uuid", "direction", "vn_number", "vn_account", "vn_legs", "vn_generation", "vn_refused",
    "originate_causes", "originated_legs", "start_uepoch", "answer_uepoch", "bridge_uepoch",
    "end_uepoch", "progress_uepoch", "hangup_cause", "bridge_uuid", "sip_invite_failure_status",
    "last_bridge_proto_specific_hangup_cause",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _values), _values, _values)
def test_whatever_is_in_the_fields_a_call_or_a_refusal_comes_of_it(
    variables: dict[str, Any], callflow: Any, name: Any
) -> None:
    body = {"variables": {"uuid": "u-1"} | variables, "callflow": callflow, "switchname": name}
    try:
        call = read(json.dumps(body).encode())
    except (Unreadable, OfLeg, ForeignRecord):
        return
    assert call.started <= call.ended < 1 << 62
    assert 0 <= call.talk_ms <= call.duration_ms
    assert "\n" not in call.caller_name + call.switch + call.number


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["application/json", "", "text/plain",
       "application/x-www-form-urlencoded", "application/x-www-form-base64-encoded"]))  # fmt: skip
def test_any_bytes_at_all(body: bytes, kind: str) -> None:
    with contextlib.suppress(Unreadable, OfLeg, ForeignRecord):
        read_record(json_of(body, kind)[0], NOW)


@given(st.lists(st.sampled_from(["%", "2", "5", "3A", "%3A", "%25", "%C3%A9", "%3b", "%3B", "a"])))
def test_values_are_decoded_as_urls_are(parts: list[str]) -> None:
    text = "".join(parts)
    assert text_of(text) == unquote(text, errors="replace")


@pytest.mark.parametrize("start", ["", "0", "x", "9" * 40])
def test_a_start_that_is_not_told_is_the_first_moment_that_is(start: str) -> None:
    call = read(record(started=NOW / 1e6 - 60, talk=30, start_uepoch=start))
    assert call.clock_off
    assert (call.started, call.talk_ms) == (NOW - 60_000_000 + 800_000, 30_000)
