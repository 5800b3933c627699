"""What phones said, put in force as of the moment of the call; and what is of no use any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.test_overrides import House
from vnroute import here_spool
from vnroute.here_spool import Said
from vnroute.live.here import whereabouts
from vnroute.live.overrides import clear_override, overrides_in_force, set_override
from vnroute.live.phones import hear
from vnroute.model import FieldError
from vnroute.model.override import Override

ROUTES = """\
accounts: [{id: acme, time_zone: Europe/London}]
persons:
  - {id: ana, account: acme, place: desk, places: {desk: "+12125550100", mobile: "+19175550123"}}
  - {id: ben, account: acme, place: desk, places: {desk: "+12125550101", mobile: "+19175550124"}}
"""
PHONE = "+19175550123"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, ROUTES)
    yield made
    made.store.close()


def said(at: str, moment: datetime, until: str = "", person: str = "ana") -> Said:
    return Said(person=person, at=at, until=until, caller=PHONE, number="+18005550010",
                call="c-1", time=moment.timestamp())  # fmt: skip


def by_hand(house: House, at: str, until: datetime | None = None) -> None:
    """Say where ana is, as the command line does."""
    now = datetime.now(UTC)
    override = Override(kind="person", id="ana", state=at, since=now, until=until)
    set_override(house.store, house.page, override, who="operator")


def test_an_end_counts_from_the_call_on(house: House) -> None:
    now = datetime.now(UTC)
    assert (
        hear(house.store, house.page, said("mobile", now - timedelta(hours=1), "2h"), now) == "set"
    )
    (override,) = overrides_in_force(house.store)
    assert override.until is not None
    assert abs(override.until - (now + timedelta(hours=1))) < timedelta(seconds=1)
    assert override.since < now
    # A time of day is the next one after the call, on the clock of the account.
    call = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    late = datetime(2026, 7, 1, 16, 59, tzinfo=UTC)
    assert hear(house.store, house.page, said("mobile", call, "18:00", "ben"), late) == "set"
    ben = next(each for each in house.store.overrides() if each.id == "ben")
    assert ben.until == datetime(2026, 7, 1, 17, 0, tzinfo=UTC)


def test_what_is_over_before_it_is_heard_does_not_come_into_force(house: House) -> None:
    now = datetime.now(UTC)
    before = now - timedelta(hours=5)
    assert hear(house.store, house.page, said("desk", before - timedelta(hours=1)), now) == "set"
    assert hear(house.store, house.page, said("mobile", before, "2h"), now) == "over"
    # It took the place of what was said before it; both are over now.
    assert whereabouts(house.store, "ana").override is None
    assert house.page.items() == []


def test_the_last_word_counts_whoever_says_it(house: House) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    by_hand(house, "mobile")
    assert hear(house.store, house.page, said("desk", before), datetime.now(UTC)) == "superseded"
    assert whereabouts(house.store, "ana").place == "mobile"
    clear_override(house.store, house.page, "person", "ana", who="operator")
    assert hear(house.store, house.page, said("mobile", before), datetime.now(UTC)) == "superseded"
    assert whereabouts(house.store, "ana").override is None
    now = datetime.now(UTC)
    assert hear(house.store, house.page, said("mobile", now), now) == "set"
    # The same again, as after a crash before the file was gone.
    assert hear(house.store, house.page, said("mobile", now), now) == "superseded"
    assert hear(house.store, house.page, said("", before), now) == "superseded"
    later = now + timedelta(milliseconds=1)
    assert hear(house.store, house.page, said("", later), later) == "cleared"
    assert whereabouts(house.store, "ana").override is None


def test_phones_that_are_heard_late_count_in_their_order(house: House) -> None:
    now = datetime.now(UTC)
    calls = [now - timedelta(minutes=minutes) for minutes in (4, 3, 2, 1)]
    words = ["mobile", "", "mobile", "desk"]
    for call, at in zip(calls, words, strict=True):
        assert hear(house.store, house.page, said(at, call), now) != "superseded"
    assert whereabouts(house.store, "ana").place == "desk"


def test_an_override_that_is_swept_up_is_nobodys_word(house: House) -> None:
    now = datetime.now(UTC)
    old = Override(kind="person", id="ana", state="desk", since=now - timedelta(days=2),
                   until=now - timedelta(days=1))  # fmt: skip
    with house.store.transaction("old", "operator") as writing:
        writing.put_override(old)
    call = datetime.now(UTC)
    sweep = Override(kind="person", id="ben", state="desk", since=datetime.now(UTC))
    set_override(house.store, house.page, sweep, who="operator")
    assert [each.id for each in house.store.overrides()] == ["ben"]
    assert hear(house.store, house.page, said("mobile", call), datetime.now(UTC)) == "set"


@pytest.mark.parametrize(("person", "at"), [("anna", "desk"), ("ana", "moon")])
def test_nobody_is_where_there_is_no_such_place(house: House, person: str, at: str) -> None:
    now = datetime.now(UTC)
    with pytest.raises(FieldError):
        hear(house.store, house.page, said(at, now, person=person), now)
    assert house.page.items() == []


def test_the_audit_log_has_the_number_and_the_call(house: House) -> None:
    now = datetime.now(UTC)
    hear(house.store, house.page, said("mobile", now), now)
    later = now + timedelta(seconds=1)
    hear(house.store, house.page, said("", later), later)
    entries = house.store.audit(kind="overrides", key="person/ana")
    assert [entry.who for entry in entries] == [f"{PHONE} (phone, call c-1)"] * 2
    assert [entry.after is None for entry in entries] == [True, False]


_texts = st.text(max_size=20)
_said = st.builds(
    Said, person=_texts, at=_texts, until=_texts, caller=_texts, number=_texts, call=_texts,
    time=st.floats(0, 2**32),
)  # fmt: skip


@given(found=_said)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_kept_is_read_again(tmp_path: Path, found: Said) -> None:
    path = here_spool.keep(tmp_path / "kept", found)
    assert path in here_spool.waiting(tmp_path / "kept")
    assert here_spool.read(path) == found
    path.unlink()


@given(data=st.binary(max_size=200) | _said.map(msgspec.json.encode).map(lambda data: data[:-3]))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_files_that_are_none_of_ours_are_told_by_one_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "00000000000000001-1-1.json"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        here_spool.read(path)


def test_what_is_set_aside_is_bounded_and_is_read_no_more(tmp_path: Path) -> None:
    for place in range(here_spool.MOST_BROKEN + 20):
        path = tmp_path / f"{place:017}-1-1.json"
        path.write_bytes(b"x" * 5000)
        with pytest.raises(ValueError, match="longer than"):
            here_spool.read(path)
        here_spool.set_aside(path)
    assert here_spool.waiting(tmp_path) == []
    kept = sorted(tmp_path.glob("*.broken"))
    assert len(kept) == here_spool.MOST_BROKEN
    assert kept[-1].name.startswith(f"{here_spool.MOST_BROKEN + 19:017}")
