"""Numbers, blocks and prefixes in an image, held to a brute-force reading."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.compiler.number_table import NumberTable
from vnroute.model import Account, Number, NumberBlock, Plan, Step

stems = st.text("0129", min_size=5, max_size=9).map(lambda text: "4" + text)


def owner(routing: MemoryRouting, number: int) -> str | None:
    """Exact first, then the narrowest span around it, each row asked in turn."""
    for row in routing.number_list:
        if int(row.number[1:]) == number:
            return row.campaign
    around = []
    for block in routing.block_list:
        around += [(last - first, block.campaign) for first, last in block.spans()
                   if first <= number <= last]  # fmt: skip
    return min(around)[1] if around else None


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.sets(stems.map(lambda text: (text + "0000000")[:11]), max_size=20),
    blocks=st.sets(st.tuples(stems, st.integers(1, 5)), max_size=8),
    prefixes=st.sets(stems, max_size=5),
    asked=st.lists(st.integers(4 * 10**6, 10**15 - 1), max_size=20),
)
def test_the_narrowest_entry_wins(
    numbers: set[str],
    blocks: set[tuple[str, int]],
    prefixes: set[str],
    asked: list[int],
    tmp_path: Path,
) -> None:
    spans: dict[tuple[int, int], NumberBlock] = {}
    rows = []
    for place, (stem, wild) in enumerate(sorted(blocks)):
        block = NumberBlock(
            block=f"+{stem}{'x' * wild}", account="a", plan="p", campaign=f"b{place}"
        )
        # The store takes no two blocks with one span.
        if spans.setdefault(block.spans()[0], block) is block:
            rows.append(block)
    for place, stem in enumerate(sorted(prefixes)):
        prefix = NumberBlock(prefix=f"+{stem}", account="a", plan="p", campaign=f"p{place}")
        if not any(span in spans for span in prefix.spans()):
            spans.update(dict.fromkeys(prefix.spans(), prefix))
            rows.append(prefix)
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        plan_list=[Plan(id="p", account="a", steps=(Step(hangup="NO_ANSWER"),))],
        number_list=[
            Number(number=f"+{number}", account="a", plan="p", campaign=f"n{number}")
            for number in sorted(numbers)
        ],
        block_list=rows,
    )
    image = compiled(routing, tmp_path)
    edges = [edge + more for span in spans for edge in span for more in (-1, 0, 1)]
    exact = [int(number) + more for number in numbers for more in (-1, 0, 1)]
    for number in [*asked, *edges, *exact]:
        row = image.find_number(number)
        assert (None if row is None else image.assignment(row)[3]) == owner(routing, number)


def test_a_full_table_finds_each_number_and_no_other() -> None:
    source = random.Random(5)
    numbers = source.sample(range(10**10, 10**12), 200_000)
    table = NumberTable(len(numbers))
    assert table.add([(number, place) for place, number in enumerate(numbers)])
    assert table.rows == len(numbers)
    assert len(table.data) / len(numbers) < 14.5


def test_numbers_that_stand_in_rows_fill_the_table_as_well_as_scattered_ones() -> None:
    table = NumberTable(300_000)
    assert table.add([(number, 1) for number in range(18005550000, 18005550000 + 300_000)])
