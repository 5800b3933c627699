"""What calls cost: cases worked out by hand."""

from decimal import Decimal

import pytest

from vnroute.model.charge import billed_seconds, rate_call, row_in_force
from vnroute.model.deck import DeckRate

DAY = 86400


@pytest.mark.parametrize(
    ("first", "following", "seconds", "billed"),
    [
        (1, 1, 0, 0), (1, 1, 1, 1), (1, 1, 61, 61),
        (60, 60, 1, 60), (60, 60, 60, 60), (60, 60, 61, 120),
        (60, 6, 59, 60), (60, 6, 61, 66), (60, 6, 66, 66), (60, 6, 67, 72),
        (30, 6, 31, 36), (6, 6, 7, 12), (60, 1, 61, 61), (1, 60, 2, 61),
    ],
)  # fmt: skip
def test_increments(first, following, seconds, billed) -> None:
    assert billed_seconds(DeckRate("44", first=first, next=following), seconds) == billed


@pytest.mark.parametrize(
    ("row", "seconds", "amount"),
    [
        (DeckRate("44", rate="0.0120"), 60, "0.01200000"),
        (DeckRate("44", rate="0.0120"), 61, "0.01220000"),
        (DeckRate("44", rate="0.0120", first=60, next=60), 61, "0.02400000"),
        # 66 s billed at 0.01: 0.011
        (DeckRate("44", rate="0.01", first=60, next=6), 61, "0.01100000"),
        # 0.05 and 7 s of 0.0045 a minute: 0.05 + 0.000525
        (DeckRate("44", rate="0.0045", fee="0.05"), 7, "0.05052500"),
        (DeckRate("44", rate="0.0045", fee="0.05"), 0, "0E-8"),
        # A third of 1e-8 is dropped, two thirds count one.
        (DeckRate("44", rate="0.00000001"), 20, "0E-8"),
        (DeckRate("44", rate="0.00000001"), 40, "1E-8"),
        # Halves go to the even neighbour: 0.5, 1.5 and 2.5 units.
        (DeckRate("44", rate="0.00000001"), 30, "0E-8"),
        (DeckRate("44", rate="0.00000003"), 30, "2E-8"),
        (DeckRate("44", rate="0.00000005"), 30, "2E-8"),
        (DeckRate("44", rate="999999"), 86400, "1439998560.00000000"),
    ],
)
def test_charges(row, seconds, amount) -> None:
    charge = rate_call([row], 0, seconds, currency="EUR")
    assert charge is not None
    assert str(charge.amount) == amount
    assert (charge.currency, charge.row) == ("EUR", row)
    assert charge.units == Decimal(amount) * 10**8


def test_the_row_in_force_when_the_call_began() -> None:
    rows = [
        DeckRate("44", rate="1"),
        DeckRate("44", effective=10 * DAY, rate="2"),
        DeckRate("4420", effective=20 * DAY, end=30 * DAY, rate="3"),
    ]
    found = [row_in_force(rows, day * DAY) for day in (9, 10, 19, 20, 29, 30)]
    assert [row.rate if row else "" for row in found] == ["1", "2", "2", "3", "3", "2"]
    before, after = rate_call(rows, 10 * DAY - 1, 60), rate_call(rows, 10 * DAY, 60)
    assert before is not None and after is not None
    assert (before.amount, after.amount) == (1, 2)


def test_longest_prefix_then_origin_then_time() -> None:
    rows = [
        DeckRate("1212", rate="1"),
        DeckRate("1212", origin="intrastate", rate="2"),
        DeckRate("1212", time="peak:open", rate="3"),
        DeckRate("1212", origin="intrastate", time="peak:open", rate="4"),
        DeckRate("1", origin="intrastate", time="peak:open", rate="5"),
        DeckRate("12125", origin="interstate", rate="6"),
    ]

    def rate(origin: str = "", *times: str) -> str:
        row = row_in_force(rows, 0, origin=origin, times=times)
        return row.rate if row else ""

    assert [rate(), rate("intrastate"), rate("", "peak:open")] == ["1", "2", "3"]
    assert [rate("intrastate", "peak:open"), rate("interstate"), rate("other")] == ["4", "6", "1"]


def test_what_has_no_charge() -> None:
    assert rate_call([], 0, 60) is None
    assert rate_call([DeckRate("44", effective=5)], 4, 60) is None
    rows = [DeckRate("44", rate="0.01"), DeckRate("4470", blocked=True)]
    assert rate_call(rows, 0, 60) is None
