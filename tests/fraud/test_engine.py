"""Fraud rules, held to a plain reading: every sum made anew from all calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.calls.countries import country_of
from vnroute.fraud.engine import STEPS, Engine, Hit, Spent
from vnroute.model.fraud import FraudRule, parse_amount, parse_span

DAY = 86_400 * 1_000_000
START = 20_000 * DAY
TO = ("447012345678", "442079460123", "12125550100", "18095551234", "88213000000", "")


def spent(id: int, at: float, to: str = TO[0], account: str = "acme", **more: Any) -> Spent:
    """A call that ended so many seconds behind the start."""
    return Spent(
        id, f"u{id}", account, START + int(at * 1e6), more.pop("answered", True),
        more.pop("talk_ms", 60_000), to, *more.values(),
    )  # fmt: skip


def feed(rule: FraudRule, *calls: Spent) -> list[Hit]:
    engine = Engine([rule])
    return [hit for call in calls for hit in engine.feed(call)]


def rule(**fields: Any) -> FraudRule:
    return FraudRule(id="r", **fields)


def test_more_than_the_sum_within_the_window_and_anew_after_a_hit() -> None:
    minutes = rule(minutes=3, window="1h")
    calls = [spent(n, 600 * n) for n in range(1, 9)]
    hits = feed(minutes, *calls)
    # The fourth minute is one too many; then four more are.
    assert [hit.call for hit in hits] == [4, 8]
    assert hits[0].said == "4.0 minutes in 1h, 3.0 minutes allowed"
    assert feed(minutes, *[spent(n, 1300 * n) for n in range(1, 9)]) == []


def test_money_is_exact_and_of_one_currency() -> None:
    ten_cents = 10_000_000
    fifty = rule(spend="0.3 EUR", by="country")
    eur = [spent(n, n, price=ten_cents, currency="EUR") for n in range(3)]
    assert feed(fifty, *eur) == []
    assert feed(fifty, *eur, spent(9, 9, price=999, currency="USD", cost=10**12)) == []
    (hit,) = feed(fifty, *eur, spent(9, 9, price=1, currency="EUR"))
    assert (hit.to, hit.said) == ("GB", "0.30000001 EUR spend in 1h, 0.3 EUR spend allowed")
    assert feed(fifty, *eur, spent(9, 9, TO[2], price=1, currency="EUR")) == []


def test_short_calls_in_a_row_to_one_number() -> None:
    short = rule(calls=3, shorter=6, by="number", window="5m", then="block")
    calls = [spent(n, n, talk_ms=2000) for n in range(4)]
    (hit,) = feed(short, *calls)
    assert (hit.to, hit.said) == (
        "+447012345678", "4 calls shorter than 6 s in 5m, 3 calls shorter than 6 s allowed",
    )  # fmt: skip
    assert feed(short, *[call._replace(answered=False) for call in calls]) == []
    assert feed(short, *[call._replace(talk_ms=6000) for call in calls]) == []


def test_a_rule_of_ranges_is_against_them() -> None:
    calls = [spent(n, n) for n in range(2)]
    both = ("+4470", "+882")
    assert [hit.to for hit in feed(rule(calls=1, to=both), *calls)] == list(both)
    assert [hit.to for hit in feed(rule(calls=1, to=both, by="range"), *calls)] == ["+4470"]
    assert feed(rule(calls=1, to=("+1",)), *calls) == []
    assert feed(rule(calls=1, accounts=("other",)), *calls) == []


def test_the_first_call_to_a_country() -> None:
    first = rule(first=True, history="7d", least=10)
    usual = [spent(n, n * 3600, TO[2]) for n in range(1, 11)]
    (hit,) = feed(first, *usual, spent(20, 40_000), spent(21, 40_001), spent(22, 90_000))
    assert (hit.call, hit.to) == (20, "GB")
    assert hit.said == "the first call to GB in 7d, of 10 calls"
    # An account that has hardly called is judged by nothing; after eight days it is first again.
    assert feed(first, *usual[:9], spent(20, 40_000)) == []
    late = [call._replace(ended=call.ended + 8 * DAY) for call in usual]
    hits = feed(first, *usual, spent(20, 40_000), *late, spent(30, 8 * 86_400 + 40_000))
    assert [hit.call for hit in hits] == [20, 30]


def test_a_share_thrice_the_usual_one() -> None:
    share = rule(share=50, window="1h", history="7d", least=10)
    yesterday = [spent(n, 600 + n, TO[2] if n % 10 else TO[0]) for n in range(100)]
    today = [spent(200 + n, 86_400 + n, TO[0]) for n in range(20)]
    (hit,) = feed(share, *yesterday, *today[:10])
    assert hit.said == "10 of 10 calls to GB in 1h, 10 of 100 in 7d"
    mixed = [call._replace(to=TO[n % 3 and 2]) for n, call in enumerate(today)]
    assert feed(share, *yesterday, *mixed) == []
    usual = [call._replace(to=TO[n % 2 * 2]) for n, call in enumerate(yesterday)]
    assert feed(share, *usual, *today) == []


RULES = st.builds(
    lambda measure, by, window, to: FraudRule(
        id="r", by="account" if by == "range" and not to else by, window=window, to=to, **measure
    ),
    st.sampled_from(
        [
            {"spend": "0.00000050"},
            {"cost": "0.0000004 EUR"},
            {"minutes": 2},
            {"calls": 2},
            {"calls": 1, "shorter": 30},
        ]
    ),
    st.sampled_from(["account", "country", "range", "number"]),
    st.sampled_from(["1m", "30m", "1h", "1d"]),
    st.sampled_from([(), ("+44",), ("+4470", "+44", "+1")]),
)
CALLS = st.lists(
    st.tuples(
        st.integers(0, 200), st.sampled_from(["acme", "beta", ""]), st.sampled_from(TO),
        st.booleans(), st.integers(0, 90_000), st.none() | st.integers(0, 40),
        st.sampled_from(["", "EUR"]),
    ),
    max_size=60,
)  # fmt: skip


def brute(asked: FraudRule, calls: list[Spent]) -> list[tuple[int, str]]:
    """Every call, every sum from the list of all calls."""
    step = parse_span(asked.window, "") * 1_000_000 // STEPS
    floors: dict[tuple[str, str], int] = {}
    seen: dict[tuple[str, str], list[tuple[int, int]]] = {}
    hits = []
    for call in calls:
        prefixes = sorted((p[1:] for p in asked.to), key=len, reverse=True)
        under = [p for p in prefixes if call.to.startswith(p)]
        if not call.account or (asked.to and not under):
            continue
        if asked.by == "account":
            to = ""
        elif asked.by == "range":
            to = f"+{under[0]}"
        else:
            to = country_of(f"+{call.to}") if asked.by == "country" else f"+{call.to}"
            if not call.to or not to:
                continue
        if asked.spend or asked.cost:
            most, currency = parse_amount(asked.spend or asked.cost, "")
            money, of = ((call.price, call.price_currency) if asked.spend
                         else (call.cost, call.cost_currency))  # fmt: skip
            amount = (money or 0) if of == currency else 0
        elif asked.minutes:
            most, amount = asked.minutes * 60_000, call.talk_ms
        elif asked.shorter:
            most, amount = asked.calls, int(call.answered and call.talk_ms < 1000 * asked.shorter)
        else:
            most, amount = asked.calls, int(bool(call.to))
        key = (call.account, to)
        before = seen.setdefault(key, [])
        newest = max([at // step for at, _ in before], default=0)
        if not amount or call.ended <= floors.get(key, 0) or call.ended // step <= newest - STEPS:
            continue
        before.append((call.ended, amount))
        newest = max(newest, call.ended // step)
        counted = [
            (at, n) for at, n in before
            if at > floors.get(key, 0) and newest - STEPS < at // step <= newest
        ]  # fmt: skip
        if sum(n for _, n in counted) > most:
            floors[key] = max(at for at, _ in before)
            hits.append((call.id, to))
    return hits


def made(rows: list[tuple[Any, ...]], minutes: float) -> list[Spent]:
    return [
        Spent(n, f"u{n}", account, START + int(at * minutes * 6e7 / 10), answered, talk, to, money,
              currency, money, currency)
        for n, (at, account, to, answered, talk, money, currency) in enumerate(rows)
    ]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(RULES, CALLS, st.sampled_from([0.1, 1, 20]))
def test_hits_are_those_of_a_plain_reading(
    asked: FraudRule, rows: list[tuple[Any, ...]], minutes: float
) -> None:
    calls = made(rows, minutes)
    found = [(hit.call, hit.to) for hit in feed(asked, *calls)]
    expected = [
        (call, against)
        for call, to in brute(asked, calls)
        for against in (asked.to if asked.to and not to else (to,))
    ]
    assert found == expected


@settings(max_examples=300, deadline=None)
@given(
    st.lists(RULES, min_size=1, max_size=3, unique_by=lambda r: r.measure),
    CALLS,
    st.integers(0, 60),
)
def test_a_restart_anywhere_changes_nothing(
    asked: list[FraudRule], rows: list[tuple[Any, ...]], at: int
) -> None:
    watched = [
        *(FraudRule(id=f"r{n}", **{f: getattr(one, f) for f in one.__struct_fields__ if f != "id"})
          for n, one in enumerate(asked)),
        FraudRule(id="first", first=True, least=2, history="2d"),
        FraudRule(id="share", share=30, least=2, history="2d"),
    ]  # fmt: skip
    calls = made(rows, 5)
    whole = Engine(watched)
    expected = [hit for call in calls for hit in whole.feed(call)]
    before = Engine(watched)
    found = [hit for call in calls[:at] for hit in before.feed(call)]
    again = Engine(watched, before.floors())
    for call in calls[:at]:
        again.feed(call, judge=False)
    found += [hit for call in calls[at:] for hit in again.feed(call)]
    assert found == expected


def test_what_is_old_is_forgotten() -> None:
    engine = Engine([rule(calls=5, by="number", window="1m"), FraudRule(id="f", first=True)])
    for n in range(120_000):
        engine.feed(spent(n, n, f"4420{n:08}", account=f"a{n % 3}"))
    assert sum(len(one.windows) for one in engine._rules) < 60_000


@pytest.mark.parametrize("text", ["1h", "31d", "744h", "90m"])
def test_spans(text: str) -> None:
    assert parse_span(text, "window") % STEPS == 0
