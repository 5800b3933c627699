"""Choices of carriers held to a plain reading of decks: moments, times of day, policies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.model import (
    Account,
    CallerList,
    Carrier,
    Choice,
    FieldError,
    Gateway,
    Number,
    OpenHours,
    Plan,
    Schedule,
    Step,
)
from vnroute.model.deck import NO_END, DeckRate, RateInForce, settled

LISTS = {"iberia": ("+34*", "+351*"), "madrid": ("+3491*",)}
CALLERS = ("", "34911234567", "34951234567", "12125550100")
NOW = int(MONDAY_NOON_IN_NEW_YORK)
CARRIERS = ("alpha", "beta", "delta", "gamma")
OPEN = Schedule(id="peak", time_zone="UTC", open=(OpenHours(days="daily", hours="08:00-20:00"),))
digits = st.text("0129", min_size=1, max_size=8).filter(lambda text: text[0] != "0")
moments = st.sampled_from([0, NOW - 50, NOW + 3600, NOW + 8 * 3600, NOW + 2 * 86400])


@st.composite
def rows(draw: st.DrawFn) -> DeckRate:
    begins = draw(moments)
    end = draw(moments | st.just(NO_END))
    return DeckRate(
        draw(digits),
        origin=draw(st.sampled_from(["", "", "", "iberia", "madrid", "nowhere"])),
        time=draw(st.sampled_from(["", "", "peak:open", "peak:closed", "nothing:open"])),
        effective=begins,
        end=end if end > begins else NO_END,
        rate=str(Decimal(draw(st.integers(0, 12))) / 1000),
        blocked=draw(st.sampled_from([False, False, False, True])),
    )


def target(number: int) -> str:
    return f"+{number}".ljust(8, "0")


def routing(
    decks: dict[str, list[DeckRate]], numbers: list[str], choice: Choice | None = None,
    prices: list[RateInForce] | None = None,
) -> MemoryRouting:  # fmt: skip
    in_force = []
    for carrier, deck in decks.items():
        for row in deck:
            in_force.append(
                RateInForce(
                    row.prefix, carrier, row.rate, row.origin, row.time, row.effective, row.end,
                    "0", 1, 1, row.blocked, "", "",
                )
            )  # fmt: skip
    return MemoryRouting(
        account_list=[Account(id="acme", choice=choice)],
        schedule_list=[OPEN],
        caller_lists=[CallerList(id=name, callers=callers) for name, callers in LISTS.items()],
        plan_list=[
            Plan(
                id=f"p{place}",
                account="acme",
                steps=(Step(ring=(number,)), Step(hangup="USER_BUSY")),
            )
            for place, number in enumerate(numbers)
        ],
        number_list=[
            Number(number=f"+1800555{place:04d}", account="acme", plan=f"p{place}")
            for place in range(len(numbers))
        ],
        carrier_list=[
            Carrier(id=name, gateways=(Gateway(id=f"{name}-1", gateway=name),)) for name in CARRIERS
        ],
        deck_list=in_force,
        price_list=prices or [],
    )


def counting(
    rows: list[DeckRate], moment: int, times: tuple[str, ...], caller: str
) -> DeckRate | None:
    """The row of a deck that counts, for a caller whose origin may be unknown."""
    live = [
        row for row in settled(sorted(rows))
        if row.effective <= moment < row.end and (not row.time or row.time in times)
    ]  # fmt: skip
    mine = {
        name
        for name, callers in LISTS.items()
        if any(("+" + caller).startswith(c[:-1]) for c in callers)
    }
    sure = [row for row in live if not row.origin or (caller and row.origin in mine)]
    perhaps = [row for row in live if row.origin and (not caller or row.origin not in LISTS)]
    best = max(
        sure, key=lambda r: (len(r.prefix), bool(r.origin), bool(r.time)), default=None
    )  # fmt: skip
    longest = max((len(row.prefix) for row in perhaps), default=0)
    if not perhaps or (best is not None and len(best.prefix) > longest):
        return best
    pool = [row for row in perhaps if len(row.prefix) == longest]
    return max([*pool, *([best] if best else [])], key=lambda row: (row.blocked, Decimal(row.rate)))


def brute_force(
    decks: dict[str, list[DeckRate]], called: str, moment: int, caller: str
) -> list[tuple[str, Decimal | None]]:
    """What each deck says by the rule that calls are rated by, cheapest first."""
    hour = moment // 3600 % 24
    times = ("peak:open" if 8 <= hour < 20 else "peak:closed",)
    found = []
    for carrier in CARRIERS:
        if carrier not in decks:
            found.append((1, Decimal(0), carrier, None))
            continue
        matching = [row for row in decks[carrier] if called.startswith(row.prefix)]
        best = counting(matching, moment, times, caller)
        if best is not None and not best.blocked:
            found.append((0, Decimal(best.rate), carrier, Decimal(best.rate)))
    return [(carrier, rate) for _, _, carrier, rate in sorted(found, key=lambda row: row[:3])]


def settled_decks(decks: dict[str, list[DeckRate]]) -> dict[str, list[DeckRate]]:
    """As a store gives them: no two rows of a key at one moment, none that is over."""
    return {
        name: list(settled(sorted({(r[0], r[2], r[3]): r for r in deck}.values()), NOW))
        for name, deck in decks.items()
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    decks=st.dictionaries(st.sampled_from(CARRIERS), st.lists(rows(), min_size=1, max_size=10)),
    called=st.lists(digits, min_size=1, max_size=20),
)
@example(
    decks={
        "alpha": [DeckRate("2", blocked=True, rate="0"), DeckRate("20", origin="iberia", rate="0")]
    },
    called=["201"],
)
def test_every_moment_and_time_of_day_has_its_list(
    decks: dict[str, list[DeckRate]], called: list[str], tmp_path: Path
) -> None:
    decks = {name: deck for name, deck in settled_decks(decks).items() if deck}
    matcher = Matcher(compiled(routing(decks, [TARGET]), tmp_path, now=NOW))
    asked = [*called, *(row.prefix + "1" for deck in decks.values() for row in deck)]
    for number in asked:
        for moment in (NOW, NOW + 3599, NOW + 3600, NOW + 9 * 3600, NOW + 3 * 86400):
            for caller in CALLERS:
                got = matcher.candidates_for(int(number), 0, moment, caller)
                assert [
                    (name, None if rate is None else Decimal(rate) / 10**8) for _, name, rate in got
                ] == brute_force(decks, number, moment, caller), (number, moment, caller)


TARGET = "+442079460123"
DECKS = {
    "alpha": [DeckRate("44", rate="0.01")],
    "beta": [DeckRate("4420", rate="0.02"), DeckRate("44", rate="0.001")],
    "delta": [DeckRate("442", rate="0.03")],
    "gamma": [DeckRate("44", rate="0.01")],
}


def legs(matcher: Matcher, moment: float = NOW) -> list[str]:
    """Return the gateways that a call is tried by, in order."""
    reply = matcher.decide(channel_data("18005550000", "+34911234567"), moment).decode()
    if "vn_legs=" not in reply:
        assert "vn_refused=no_carrier" in reply
        return []
    return [
        leg.removesuffix("-1") for leg in reply.partition("vn_legs=")[2].split(";")[0].split(",")
    ]


def matcher_of(
    tmp_path: Path, choice: Choice | None, prices: list[RateInForce] | None = None
) -> Matcher:
    return Matcher(compiled(routing(DECKS, [TARGET], choice, prices), tmp_path, now=NOW), seed=3)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, ["alpha", "gamma", "beta", "delta"]),
        (Choice(), ["alpha", "gamma", "beta", "delta"]),
        (Choice(deny=("alpha",)), ["gamma", "beta", "delta"]),
        (Choice(allow=("delta", "beta"), deny=("beta",)), ["delta"]),
        (Choice(order="fixed", carriers=("delta", "beta")), ["delta", "beta", "alpha", "gamma"]),
        (Choice(most=2), ["alpha", "gamma"]),
        (Choice(block=("+4420",)), []),
        (Choice(block=("+4421", "+4")), []),
        (Choice(block=("+4421",)), ["alpha", "gamma", "beta", "delta"]),
    ],
)
def test_choices(choice: Choice | None, wanted: list[str], tmp_path: Path) -> None:
    assert legs(matcher_of(tmp_path, choice)) == wanted


def price(rate: str, prefix: str = "44", owner: str = "acme", time: str = "") -> RateInForce:
    return RateInForce(prefix, owner, rate, "", time, 0, NO_END, "0", 1, 1, False, "", "")


@pytest.mark.parametrize(
    ("margin", "prices", "wanted"),
    [
        ("0", [price("0.03")], ["alpha", "gamma", "beta", "delta"]),
        ("0.00000001", [price("0.03")], ["alpha", "gamma", "beta"]),
        ("50%", [price("0.03")], ["alpha", "gamma"]),
        ("0.01", [price("0.02")], ["alpha", "gamma"]),
        ("0.02", [price("0.02")], []),
        ("0.03", [price("0.02")], []),
        ("0", [price("0.03"), price("0.01", "4420")], ["alpha", "gamma"]),
        ("0", [price("0.03"), price("0.01", "4420", time="peak:open")], ["alpha", "gamma"]),
        ("0", [price("0.03", owner="other")], []),
        ("0", [], []),
    ],
)
def test_nothing_is_sold_below_its_margin(
    margin: str, prices: list[RateInForce], wanted: list[str], tmp_path: Path
) -> None:
    assert legs(matcher_of(tmp_path, Choice(margin=margin), prices)) == wanted


def test_shares_are_of_the_calls_and_the_others_follow_by_price(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, Choice(order="share", shares={"delta": 3, "alpha": 1}))
    seen = [legs(matcher) for _ in range(4000)]
    assert {tuple(order) for order in seen} == {
        ("delta", "alpha", "gamma", "beta"), ("alpha", "gamma", "beta", "delta"),
    }  # fmt: skip
    assert 0.71 < sum(order[0] == "delta" for order in seen) / len(seen) < 0.79


def test_classes_of_quality_come_by_the_state_page(tmp_path: Path) -> None:
    page = StatePage.open(tmp_path / "state.page", create=True)
    by_class = matcher_of(tmp_path, Choice(order="quality"))
    within = matcher_of(tmp_path, Choice(within=1))
    by_price = matcher_of(tmp_path, None)
    everyone = ["alpha", "gamma", "beta", "delta"]
    for matcher in (by_class, within, by_price):
        matcher.use_page(page)
        assert legs(matcher) == everyone
    page.put(Kind.QUALITY, "alpha", 2)
    page.put(Kind.QUALITY, "gamma", 1)
    page.put(Kind.QUALITY, "beta", 1)
    assert legs(by_class) == ["delta", "gamma", "beta", "alpha"]
    assert legs(within) == ["gamma", "beta", "delta", "alpha"]
    assert legs(by_price) == everyone
    page.remove(Kind.QUALITY, "alpha")
    assert legs(within) == everyone


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "fixed"}, {"carriers": ("a",)}, {"order": "share"}, {"shares": {"a": 1}},
        {"order": "share", "shares": {"a": 0}}, {"margin": "x"}, {"margin": "-1"},
        {"margin": "100%"}, {"most": 33}, {"within": 256}, {"block": ("x",)}, {"deny": ("a", "a")},
    ],
)  # fmt: skip
def test_what_is_no_choice_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FieldError):
        Choice(**wrong)  # type: ignore[arg-type]


def test_a_call_diverted_by_hand_goes_by_its_accounts_choice(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, Choice(deny=("alpha",), most=2))
    page = StatePage.open(tmp_path / "state.page", create=True)
    matcher.use_page(page)
    page.put(Kind.DIVERT_NUMBER, "+18005550000", 0, 25, 0, 442079460999)
    assert legs(matcher) == ["gamma", "beta"]
