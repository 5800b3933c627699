"""A switch with ``log-b-leg``: its legs' own records are told with their calls, in any order."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.support import captured, leg_uuid, record
from vnroute.calls.archive import archive
from vnroute.calls.base import CallFilter, CallStore, GatewayRow
from vnroute.calls.export import exported
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import ForeignRecord, OfLeg, Unreadable, read_record
from vnroute.calls.record import Call, LegRecord
from vnroute.calls.reports import make_report
from vnroute.calls.spool_format import Position

NOW = 1_795_408_500_000_000
"""2026-11-23 04:35 UTC, soon after the captured calls."""
REFUSED, ANSWERED, CALL = "leg_refused", "leg_answered", "hunted_with_leg_records"


def read(body: bytes) -> Call | LegRecord:
    try:
        return read_record(body, NOW)
    except OfLeg as leg:
        return leg.record


def put(store: CallStore, at: int, *records: Call | LegRecord) -> None:
    rater = Rater(store)
    calls = [rater.rated(each) for each in records if isinstance(each, Call)]
    legs = [each for each in records if isinstance(each, LegRecord)]
    store.add("spool", Position(1, at), calls, legs=legs)


def opened(address: str) -> CallStore:
    store = open_calls(address)
    store.put_decks(
        1, 0, [], [GatewayRow("alpha-1", "alpha", "", ""), GatewayRow("beta-1", "beta", "", "")]
    )
    return store


def test_what_a_real_switch_tells_of_its_legs() -> None:
    refused, answered = read(captured(REFUSED)), read(captured(ANSWERED))
    assert isinstance(refused, LegRecord) and isinstance(answered, LegRecord)
    assert (refused.cause, refused.sip, refused.up_ms) == ("NORMAL_TEMPORARY_FAILURE", 503, 0)
    assert (refused.packets_in, refused.mos, refused.read_codec) == (None, None, "")
    assert (answered.cause, answered.sip, answered.up_ms) == ("NORMAL_CLEARING", 200, 4039)
    assert (answered.read_codec, answered.write_codec) == ("PCMU", "PCMU")
    assert (answered.packets_in, answered.packets_missed, answered.packets_out) == (167, 36, 0)
    # Every tenth packet was left out; the largest variance was 64.5 ms².
    assert (answered.mos, answered.jitter_ms, answered.loss_percent) == (3.45, 8.03, 0.0)


def test_without_a_packet_there_is_no_quality() -> None:
    body = json.loads(captured(ANSWERED))
    body["variables"] |= {"rtp_audio_in_packet_count": "0", "rtp_audio_in_mos": "4.50"}
    leg = read(json.dumps(body).encode())
    assert isinstance(leg, LegRecord)
    assert (leg.packets_in, leg.packets_missed, leg.mos, leg.jitter_ms) == (0, None, None, None)


ORDERS = [
    *([[name] for name in order] for order in itertools.permutations((REFUSED, ANSWERED, CALL))),
    [[REFUSED, ANSWERED, CALL]],
    [[CALL, ANSWERED, CALL, REFUSED, ANSWERED]],
    [[ANSWERED], [CALL, ANSWERED], [REFUSED, CALL], [REFUSED, ANSWERED]],
]


@pytest.mark.parametrize("batches", ORDERS, ids=lambda b: " ".join("+".join(one) for one in b))
def test_the_same_in_any_order_and_however_often(
    batches: Sequence[Sequence[str]], address: str
) -> None:
    store = opened(address)
    for at, batch in enumerate(batches, 1):
        put(store, at, *(read(captured(name)) for name in batch))
    (call,) = (exported(each) for each in store.calls(CallFilter()))
    assert call["outcome"] == "answered" and call["talk_ms"] == 4019
    told = ("gateway", "outcome", "cause", "sip", "up_ms", "read_codec", "packets_in", "mos")
    assert [tuple(leg[name] for name in told) for leg in call["legs"]] == [
        ("alpha-1", "failed", "NORMAL_TEMPORARY_FAILURE", 503, 0, "", None, None),
        ("beta-1", "answered", "NORMAL_CLEARING", 200, 4039, "PCMU", 167, 3.45),
    ]
    # What the call's own record could not tell of one leg among several.
    assert [leg["pdd_ms"] is not None for leg in call["legs"]] == [False, True]
    assert sum(row["legs"] for row in make_report(store, "carriers", CallFilter()).rows) == 2
    (last,) = store.last_calls(CallFilter(), 1)
    assert last["legs"][1]["jitter_ms"] == 8.03
    store.close()


def test_calls_without_records_of_their_legs_have_nothing_there(address: str) -> None:
    store = opened(address)
    put(store, 1, read(record()), read(captured(ANSWERED)))
    (call,) = store.calls(CallFilter())
    (leg,) = call["legs"]
    assert (leg["up_ms"], leg["mos"], leg["read_codec"], leg["packets_in"]) == (None,) * 4
    assert leg["sip"] == 200
    store.close()


def test_they_go_with_their_calls(address: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    store = opened(address)
    put(store, 1, *(read(captured(name)) for name in (REFUSED, ANSWERED, CALL)))
    (file,) = archive(store, tmp_path / "archive", 20261124)
    found = duckdb.sql(
        "SELECT leg.sip, leg.mos, leg.packets_in FROM "
        "(SELECT unnest(legs) AS leg FROM read_parquet($path))",
        params={"path": str(file.path)},
    ).fetchall()
    assert found == [(503, None, None), (200, 3.45, 167)]
    assert kept(store) == 0
    # One that comes late, or whose call never comes, goes with its day.
    put(store, 2, read(captured(REFUSED)))
    assert kept(store) == 1
    assert store.remove_before(20261123) == 0
    assert kept(store) == 1
    while store.remove_before(20261124):
        pass
    assert kept(store) == 0
    store.close()


def kept(store: CallStore) -> int:
    return int(store._db.row("SELECT count(*) FROM leg_records")[0])  # type: ignore[attr-defined]


_values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30),
    st.sampled_from(["0", "1.5", "-1", "1e999", "9" * 400, "4.50", "sip:503", "%00", "nan", "inf",
                     "16.0000000000001", "PCMU", "<b>", "' OR 1=1"]),
    st.lists(st.text(max_size=5), max_size=3),
)  # fmt: skip
_NAMES = [
    "hangup_cause", "read_codec", "write_codec", "proto_specific_hangup_cause",
    "sip_invite_failure_status", "start_uepoch", "answer_uepoch", "end_uepoch", "progress_uepoch",
    *(f"rtp_audio_{name}" for name in (
        "in_packet_count", "in_skip_packet_count", "out_packet_count", "in_mos",
        "in_jitter_max_variance", "in_jitter_loss_rate")),
]  # fmt: skip


@pytest.fixture(scope="module")
def any_store(new_address: Any) -> Any:
    store = opened(new_address())
    yield store
    store.close()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _values), st.integers(0, 255))
def test_whatever_is_in_its_fields_is_stored(
    any_store: CallStore, variables: dict[str, Any], place: int
) -> None:
    uuid = leg_uuid(place)
    body = {"variables": {"uuid": uuid, "direction": "outbound"} | variables}
    try:
        leg = read(json.dumps(body).encode())
    except (Unreadable, ForeignRecord):
        return
    assert isinstance(leg, LegRecord)
    assert leg.mos is None or 0 <= leg.mos < 1e9
    assert leg.loss_percent is None or 0 <= leg.loss_percent <= 100
    assert 0 <= leg.sip <= 699 and leg.up_ms >= 0
    before = kept(any_store)
    put(any_store, 1, leg)
    assert kept(any_store) == before + 1
