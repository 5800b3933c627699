"""Setting and clearing overrides: checked, kept in the store, and in force with the next call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.importing.findings import hint
from vnroute.live.loops import faults_of_override
from vnroute.live.page import block_entries, entry_of, fill_page, kind_of
from vnroute.model import Account, FieldError
from vnroute.model.e164 import digits_of, parse_number
from vnroute.model.forwarding import MAX_HOPS
from vnroute.model.numbering import is_premium
from vnroute.model.override import Override
from vnroute.store.base import Reading, Store

__all__ = [
    "check_override",
    "clear_override",
    "override_data",
    "overrides_in_force",
    "owner_of",
    "set_override",
    "zone_of",
]


def overrides_in_force(reading: Reading, now: datetime | None = None) -> list[Override]:
    """Return the overrides that hold at a moment (now, if not given), by kind and id."""
    at = (now or datetime.now(UTC)).timestamp()
    return [override for override in reading.overrides() if override.holds_at(at)]


def set_override(
    store: Store,
    page: StatePage,
    override: Override,
    *,
    who: str = "",
    max_hops: int = MAX_HOPS,
) -> Override | None:
    """Put an override in force; return what it takes the place of, if anything holds.

    Raises :class:`FieldError` for one that names what is not there, diverts where its account may
    not call, or makes a loop: then nothing has changed.
    """
    now = override.since.timestamp()
    what = f"override {override.kind} {override.id}"
    with _as_stored(store, page), store.transaction(what, who) as writing:
        there = writing.overrides()
        check_override(writing, override, max_hops, there)
        before = [o for o in there if (o.kind, o.id) == (override.kind, override.id)]
        for other in there:
            if not other.holds_at(now):
                writing.remove_override(other.kind, other.id)
        writing.put_override(override)
        if override.kind == "block":
            page.replace([Kind.BLOCK], block_entries(overrides_in_force(writing, override.since)))
        else:
            page.put(*entry_of(override))
    page.expire(now)
    return before[0] if before and before[0].holds_at(now) else None


def clear_override(
    store: Store, page: StatePage, kind: str, key: str, *, who: str = ""
) -> Override | None:
    """End an override now; return it, or None where there was none in force."""
    what = f"clear override {kind} {key}"
    with _as_stored(store, page), store.transaction(what, who) as writing:
        there = [o for o in overrides_in_force(writing) if (o.kind, o.id) == (kind, key)]
        writing.remove_override(kind, key)
        if kind == "block":
            page.replace([Kind.BLOCK], block_entries(overrides_in_force(writing)))
        else:
            page.remove(kind_of(kind), key)
    return there[0] if there else None


def override_data(override: Override, zone: str) -> dict[str, Any]:
    """Return an override for JSON, its end as a local time."""
    until = override.until
    return {
        "kind": override.kind,
        "id": override.id,
        "state": override.state or None,
        "to": override.to or None,
        "seconds": override.seconds if override.to.startswith("+") else None,
        "since": override.since.isoformat(timespec="seconds"),
        "until": until and until.astimezone(ZoneInfo(zone or "UTC")).isoformat(),
        "reason": override.reason,
        "by": override.by,
    }


def owner_of(reading: Reading, kind: str, key: str) -> str:
    """Return the account that a thing belongs to, empty for a schedule of nobody's own.

    Raises :class:`FieldError` for a thing that is not there.
    """
    if kind == "schedule":
        schedules = {schedule.id: schedule for schedule in reading.schedules()}
        return schedules[_known(kind, key, list(schedules))].account
    accounts = {account.id: account for account in reading.accounts()}
    return _account_of(reading, kind, key, accounts).id


@contextmanager
def _as_stored(store: Store, page: StatePage) -> Iterator[None]:
    """Make the page say again what is stored, should the transaction within fail.

    The page is written before the commit, so that two who set the same thing at once leave the same
    on the page as in the store: who holds the store writes both.
    """
    try:
        yield
    except FieldError:
        raise  # refused before anything was written
    except BaseException:
        fill_page(page, store.overrides())
        raise


def zone_of(reading: Reading, kind: str, key: str) -> str:
    """Return the time zone in which a thing's times are read, by its own or its account's zone.

    UTC for a schedule that takes its zone from who asks it. Raises :class:`FieldError` for a thing
    that is not there.
    """
    accounts = {account.id: account for account in reading.accounts()}
    if kind == "schedule":
        schedules = {schedule.id: schedule for schedule in reading.schedules()}
        schedule = schedules[_known(kind, key, list(schedules))]
        account = accounts.get(schedule.account)
        return schedule.zone(account.time_zone if account else "") or "UTC"
    return _account_of(reading, kind, key, accounts).time_zone


def _known(kind: str, key: str, names: Sequence[str]) -> str:
    if key not in names:
        article = "an" if kind[0] in "aeiou" else "a"
        expected = f"{article} {kind} that is loaded{hint(key, list(names))}"
        raise FieldError(kind, repr(key), expected)
    return key


def _account_of(reading: Reading, kind: str, key: str, accounts: dict[str, Account]) -> Account:
    if kind in ("account", "block"):
        return accounts[_known("account", key.partition(":")[0], list(accounts))]
    if kind == "plan":
        plans = {plan.id: plan for plan in reading.plans()}
        return accounts[plans[_known(kind, key, list(plans))].account]
    if kind == "person":
        persons = {person.id: person for person in reading.persons()}
        return accounts[persons[_known(kind, key, list(persons))].account]
    assignment = reading.find_number(parse_number(key))
    if assignment is None:
        raise FieldError("number", repr(key), "a number of ours, or one in a block of ours")
    return accounts[assignment.account]


def check_override(
    reading: Reading, override: Override, max_hops: int, there: Sequence[Override]
) -> None:
    """Raise :class:`FieldError` for an override that does not fit what is loaded.

    ``there`` are the overrides that hold besides.
    """
    if override.kind == "schedule":
        schedules = {schedule.id: schedule for schedule in reading.schedules()}
        schedule = schedules[_known("schedule", override.id, list(schedules))]
        if override.state not in schedule.states:
            expected = f"one of its states: {', '.join(schedule.states)}"
            raise FieldError("state", repr(override.state), expected)
        return
    if override.kind == "person":
        persons = {person.id: person for person in reading.persons()}
        places = persons[_known("person", override.id, list(persons))].places
        if override.state not in places:
            expected = f"one of the places: {', '.join(places)}"
            raise FieldError("at", repr(override.state), expected)
        return
    accounts = {account.id: account for account in reading.accounts()}
    account = _account_of(reading, override.kind, override.id, accounts)
    if override.kind == "block":
        _account_of(reading, "block", override.id, accounts)
        return
    target = override.target
    assert target is not None
    leads_on = target.kind == "plan"
    if target.kind == "plan":
        plans = {plan.id: plan for plan in reading.plans()}
        plan = plans[_known("plan", target.name, list(plans))]
        if plan.account != account.id:
            expected = f"a plan of the account {account.id!r}"
            raise FieldError("to", repr(override.to), expected)
    else:
        digits = digits_of(override.to)
        if not account.allows(digits):
            allowed = ", ".join(account.allow)
            expected = f"a target that the account {account.id!r} allows: {allowed}"
            raise FieldError("to", repr(override.to), expected)
        if not account.allow_premium and is_premium(digits):
            found = f"{override.to!r}, a premium-rate or personal number"
            expected = f"an ordinary number, or allow_premium for the account {account.id!r}"
            raise FieldError("to", found, expected)
        leads_on = target.number in reading.find_numbers([target.number or 0])
    if leads_on:
        now = override.since.timestamp()
        others = [
            other
            for other in there
            if other.holds_at(now) and (other.kind, other.id) != (override.kind, override.id)
        ]
        for fault in faults_of_override(reading, others, override, max_hops):
            if fault.loop:
                found, expected = f"a forwarding loop: {fault}", "calls that come to an end"
            else:
                found = f"a chain of {len(fault.path)} forwards: {fault}"
                expected = f"{max_hops} at most"
            raise FieldError("to", found, expected)
