"""Pages of numbers: each of them once, in order, whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.importing.editing import edit
from vnroute.store import Store, open_store, sqlite_numbers

PLANS = [f"{account}-{n}" for account in ("acme", "globex") for n in range(3)]
CAMPAIGNS = ["", "spring", "radio"]


def numbers() -> list[dict[str, str]]:
    """Numbers of five lengths whose plans and campaigns take turns."""
    made = []
    for row in range(240):
        country, digits = (("1800", 7), ("34", 9), ("442", 9), ("36", 8), ("49", 6 + row % 4))[
            row % 5
        ]
        text = f"+{country}{(row * 7919 + 2_000_000) % 10**digits:0{digits}d}"
        plan = PLANS[row % 6]
        made.append({"number": text, "account": plan.partition("-")[0], "plan": plan,
                     "campaign": CAMPAIGNS[row % 7 % 3],
                     "state": "suspended" if row % 11 == 0 else "active"})  # fmt: skip
    return list({each["number"]: each for each in made}.values())


NUMBERS = numbers()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("pages"))
    edit(opened, {
        "accounts": [{"id": "acme"}, {"id": "globex"}],
        "plans": [{"id": plan, "account": plan.partition("-")[0], "steps": [{"hangup": "relay"}]}
                  for plan in PLANS],
        "numbers": NUMBERS,
    }, {}, what="set up", who="test")  # fmt: skip
    yield opened
    opened.close()


ASKED = st.fixed_dictionaries({}, optional={
    "account": st.sampled_from(["acme", "globex", "nobody"]),
    "plan": st.sampled_from(PLANS),
    "campaign": st.sampled_from(CAMPAIGNS[1:]),
    "state": st.sampled_from(["active", "suspended", "reserved"]),
    "prefix": st.sampled_from(["1", "18", "3", "44", "442", "36", "490", "99", "2"]),
})  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=ASKED, limit=st.integers(1, 60), looked_up=st.booleans())
def test_pages_hold_each_number_once(
    asked: dict[str, str], limit: int, looked_up: bool, store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # By their assignments one by one, or by going through numbers, few at a time.
    monkeypatch.setattr(sqlite_numbers, "_MOST_WANTED", 20_000 if looked_up else 0)
    monkeypatch.setattr(sqlite_numbers, "MOST_READ", 7)
    found: list[int] = []
    after = 0
    while True:
        page, after = store.numbers_page(after, limit, **asked)
        assert len(page) <= limit and (len(page) == limit or not after or not looked_up)
        found += [number for number, _ in page]
        if not after:
            break
    prefix = "+" + asked.pop("prefix", "")
    fitting = [
        each for each in NUMBERS
        if each["number"].startswith(prefix) and all(each[k] == v for k, v in asked.items())
    ]  # fmt: skip
    if prefix == "+":
        expected = sorted(int(each["number"]) for each in fitting)
    else:
        expected = [int(each["number"]) for each in sorted(
            fitting, key=lambda each: (len(each["number"]), each["number"]))]  # fmt: skip
    assert found == expected
