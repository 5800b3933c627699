"""Carriers for a destination, held to a brute-force reading of the rates."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.compiler.prefixes import PrefixSpans
from vnroute.image.prefix_table import PrefixTable
from vnroute.model import Carrier, Gateway, Rate

CARRIERS = ("alpha", "beta", "gamma", "delta")
# Few digits, zeros among them: prefixes then nest, touch, and fill up alike.
digits = st.text("0129", min_size=1, max_size=9).filter(lambda text: text[0] != "0")


def brute_force(rates: list[Rate], called: str) -> list[tuple[str, Decimal | None]]:
    """For each carrier its longest prefix; by price, then by name; those without a deck last."""
    found = []
    for carrier in CARRIERS:
        own = [rate for rate in rates if rate.carrier == carrier]
        if not own:
            found.append((1, Decimal(0), carrier, None))
            continue
        matching = [rate for rate in own if called.startswith(rate.prefix)]
        if matching:
            best = max(matching, key=lambda rate: len(rate.prefix))
            found.append((0, Decimal(best.rate), carrier, Decimal(best.rate)))
    return [(carrier, rate) for _, _, carrier, rate in sorted(found, key=lambda row: row[:3])]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.dictionaries(
        st.tuples(digits, st.sampled_from(CARRIERS)),
        st.integers(0, 30).map(lambda price: str(Decimal(price) / 1000)),
        max_size=30,
    ),
    called=st.lists(st.text("0129", min_size=1, max_size=15), min_size=1, max_size=30),
)
@example(rows={("12000", "alpha"): "0.1", ("12", "beta"): "0.2"}, called=["1200", "12000", "12"])
def test_each_carriers_longest_prefix_counts_then_price(
    rows: dict[tuple[str, str], str], called: list[str], tmp_path: Path
) -> None:
    rates = [
        Rate(prefix=prefix, carrier=carrier, rate=rate) for (prefix, carrier), rate in rows.items()
    ]
    image = compiled(
        MemoryRouting(
            carrier_list=[
                Carrier(id=name, gateways=(Gateway(id=f"{name}-1", gateway=name),))
                for name in sorted(CARRIERS)
            ],
            rate_list=rates,
        ),
        tmp_path,
    )
    for number in [*called, *(prefix for prefix, _ in rows), *(p + "5" for p, _ in rows)]:
        at = image.choices_for(number)
        found = [] if at is None else image.choice(at)
        got = [(name, None if rate is None else Decimal(rate) / 10**8) for _, name, rate in found]
        wanted = [] if number[0] == "0" else brute_force(rates, number)
        assert got == wanted, number


@settings(max_examples=200, deadline=None)
@given(
    table=st.dictionaries(digits, st.integers(0, (1 << 30) - 2), max_size=60),
    called=st.lists(st.text("0129", min_size=0, max_size=16), max_size=40),
)
def test_longest_match_is_what_dropping_digits_one_by_one_finds(
    table: dict[str, int], called: list[str]
) -> None:
    spans = PrefixSpans()
    for prefix in sorted(table):
        spans.add(prefix, table[prefix])
    lookup = PrefixTable(*spans.finish())
    numbers = [*called, *table, *(prefix + "0" for prefix in table), *(p[:-1] for p in table)]
    wanted = []
    for number in numbers:
        legal = 1 <= len(number) <= 15 and number[0] != "0"
        cut = (number[:size] for size in range(len(number), 0, -1))
        wanted.append(next((table[part] for part in cut if part in table), -1) if legal else -1)
    assert [lookup.lookup(number) for number in numbers] == wanted
    assert lookup.lookup_many(numbers) == wanted


def test_what_is_no_number_finds_nothing() -> None:
    spans = PrefixSpans()
    spans.add("1", 5)
    lookup = PrefixTable(*spans.finish())
    for text in ("", "+1212", "1 212", "1x", "0123", "١٢٣", "12\u00e9", "1" * 16):
        assert lookup.lookup(text) == -1
    assert lookup.lookup("1" * 15) == 5
