"""Rates between and within states of the United States, held to a plain reading of decks."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compiler.test_choosing import CARRIERS, NOW, routing
from tests.support.images import compiled
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.model.deck import DeckRate
from vnroute.model.nanp import AREA_CODES, STATE_OF, jurisdiction

PREFIXES = ("1", "12", "1212", "1212555", "1718", "1201", "1201555", "1416", "1800", "44", "4420")
CALLED = ("12125550100", "12129990100", "17185550100", "12015550100", "14165550100", "18005550100",
          "15055550100", "442079460123")  # fmt: skip
CALLERS = ("", "12125550199", "16465550199", "12015550199", "14165550199", "18005550199",
           "34911234567", "78125550199", "17875550199")  # fmt: skip
rows = st.builds(
    lambda prefix, origin, rate, blocked: DeckRate(prefix, origin, rate=rate, blocked=blocked),
    prefix=st.sampled_from(PREFIXES),
    origin=st.sampled_from(["", "interstate", "intrastate", "indeterminate"]),
    rate=st.integers(0, 12).map(lambda rate: str(Decimal(rate) / 1000)),
    blocked=st.sampled_from([False, False, False, True]),
)


def counting(deck: list[DeckRate], called: str, caller: str, place: str) -> DeckRate | None:
    """The row that counts; ``place`` is the longest prefix that any carrier has for the call."""
    live = [row for row in deck if called.startswith(row.prefix)]
    kind = jurisdiction(caller, called)
    # Where no prefix says the state, nothing is known of the call.
    blind = place.startswith("1") and len(place) < 4
    sure = [row for row in live if not row.origin or (row.origin == kind and not blind)]
    perhaps = [row for row in live if row.origin] if blind else []
    if kind == "indeterminate" and not blind:
        told = {row.prefix for row in live if row.origin == kind}
        perhaps = [row for row in live if row.origin and row.prefix not in told]
    best = max(sure, key=lambda row: (len(row.prefix), bool(row.origin)), default=None)
    longest = max((len(row.prefix) for row in perhaps), default=0)
    if not perhaps or (best is not None and len(best.prefix) > longest):
        return best
    pool = [row for row in perhaps if len(row.prefix) == longest]
    return max([*pool, *([best] if best else [])], key=lambda row: (row.blocked, Decimal(row.rate)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(decks=st.dictionaries(st.sampled_from(CARRIERS), st.lists(rows, min_size=1, max_size=12)))
def test_every_call_has_the_carriers_that_its_states_give_it(
    decks: dict[str, list[DeckRate]], tmp_path: Path
) -> None:
    decks = {
        name: sorted({row[:2]: row for row in deck}.values()) for name, deck in decks.items()
    }  # fmt: skip
    matcher = Matcher(compiled(routing(decks, ["+12125550100"]), tmp_path, now=NOW))
    for called in CALLED:
        prefixes = (row.prefix for deck in decks.values() for row in deck)
        place = max((p for p in prefixes if called.startswith(p)), key=len, default="")
        for caller in CALLERS:
            expected = []
            for carrier in CARRIERS:
                if carrier not in decks:
                    continue
                best = counting(decks[carrier], called, caller, place)
                if best is not None and not best.blocked:
                    expected.append((Decimal(best.rate), carrier))
            got = [
                (Decimal(rate) / 10**8, name)
                for _, name, rate in matcher.candidates_for(int(called), 0, NOW, caller)
                if rate is not None
            ]
            assert got == sorted(expected), (called, caller)


DECK = {
    "alpha": [
        DeckRate("1212555", "indeterminate", rate="0.03"),
        DeckRate("1212555", "interstate", rate="0.01"),
        DeckRate("1212555", "intrastate", rate="0.02"),
    ],
    "beta": [DeckRate("1", rate="0.015")],
}


def test_a_route_says_what_the_call_is_by_its_states(tmp_path: Path) -> None:
    image = compiled(routing(DECK, ["+12125550100"]), tmp_path, now=NOW)
    said = {}
    for caller in ("+16465550199", "+12015550199", "+442079460123", "anonymous"):
        answer = explain(Matcher(image), "+18005550000", caller, NOW)
        (target,) = answer.steps[0].targets
        rates = {leg.carrier: leg.rate for leg in target.legs}
        said[caller] = target.jurisdiction, rates["alpha"], target.legs[0].carrier
    assert said == {
        "+16465550199": ("intrastate", Decimal("0.02"), "beta"),
        "+12015550199": ("interstate", Decimal("0.01"), "alpha"),
        "+442079460123": ("indeterminate", Decimal("0.03"), "beta"),
        "anonymous": ("indeterminate", Decimal("0.03"), "beta"),
    }
    other = explain(
        Matcher(compiled(routing({"alpha": [DeckRate("1")]}, ["+12125550100"]), tmp_path, now=NOW)),
        "+18005550000", "+16465550199", NOW,
    )  # fmt: skip
    assert other.steps[0].targets[0].jurisdiction == ""


def test_the_table_of_area_codes_is_what_the_library_knows() -> None:
    """Every area code that libphonenumber's geocoding places in one state is in that one here."""
    from phonenumbers import parse, region_code_for_number
    from phonenumbers.geodata import GEOCODE_DATA

    assert len(STATE_OF) == sum(map(len, AREA_CODES.values()))
    names = {"New Jersey": "NJ", "Alaska": "AK", "Washington State": "WA", "Wyoming": "WY"}
    wrong = {}
    places = 0
    for prefix, texts in GEOCODE_DATA.items():
        if not prefix.startswith("1") or len(prefix) < 4 or "en" not in texts:
            continue
        text = texts["en"]
        state = names.get(text) or (text[-2:] if text[-4:-2] == ", " else "")
        if state in AREA_CODES and STATE_OF.get(prefix[1:4]) != state:
            wrong[prefix] = text
        places += state in AREA_CODES
    # One place of the library's lies in a code of the state next to it.
    assert places > 8000
    assert len(wrong) <= 1, wrong
    for state in ("AS", "GU", "MP", "PR", "VI"):
        for code in AREA_CODES[state]:
            number = parse(f"+1{code}2345678"[:12])
            assert region_code_for_number(number) in (state, "US"), code
