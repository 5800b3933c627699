"""The file of rules: what is wrong is told with its line and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.fraud.rule_file import read_rules
from vnroute.model import RoutingDataError

GOOD = """\
rules:
  - {id: hourly, spend: 50 EUR, window: 1h, by: country, then: block, hold: 1d, reason: spends}
  - {id: day, minutes: 600, window: 1d, accounts: [acme]}
  - {id: premium, calls: 3, to: ["+4470", "+881"], by: range, then: block, hold: ""}
  - {id: wangiri, calls: 20, shorter: 6, by: number, window: 10m}
  - {id: new, first: true, history: 30d, least: 100}
  - {id: odd, share: 40, window: 1h}
"""


def test_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(GOOD)
    rules = read_rules(tmp_path / "f.yaml")
    assert [rule.measure for rule in rules] == [
        "spend", "minutes", "calls", "calls", "first", "share",
    ]  # fmt: skip


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(RoutingDataError) as error:
        read_rules(path)
    return [str(one).removeprefix(f"{path}:").strip() for one in error.value.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "rules: found nothing, expected a list of rules"),
        ("rules: 3", "1: rules: found '3', expected a list of rules"),
        ("rules: []\nmore: 1", "2: more: found the unknown section 'more', expected rules"),
        ("rules:\n  - {id: a, calls: 1}\n  - {id: a, calls: 2}", "3: rules[1].id: found 'a' again"),
        ("rules: [", "1: "),
    ],
)
def test_each_mistake_of_a_file(tmp_path: Path, text: str, told: str) -> None:
    assert any(one.startswith(told) for one in mistakes(tmp_path, text)), mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{id: a}", "spend: found none of them, expected one of spend"),
        ("{id: a, calls: 1, minutes: 2}", "minutes: found minutes and calls"),
        ("{id: a, calls: x}", "calls: found 'x', expected a whole number"),
        ("{id: a, calls: -1}", "calls: found -1, expected 0 to"),
        ("{id: a, spend: 1 euro}", "spend: found '1 euro', expected an amount"),
        ("{id: a, spend: -1}", "spend: found '-1'"),
        ("{id: a, spend: 0.000000001}", "spend: found '0.000000001'"),
        ("{id: a, calls: 1, window: 32d}", "window: found '32d', expected a span"),
        ("{id: a, calls: 1, window: 0h}", "window: found '0h'"),
        ("{id: a, calls: 1, by: city}", "by: found 'city', expected account"),
        ("{id: a, calls: 1, by: range}", "by: found range, expected prefixes"),
        ("{id: a, first: true, by: number}", "by: found number, expected country"),
        ("{id: a, first: true, history: 36h}", "history: found '36h', expected whole"),
        ("{id: a, minutes: 1, shorter: 3}", "shorter: found 3, expected calls"),
        ("{id: a, share: 101}", "share: found 101, expected 0 to 100"),
        ("{id: a, calls: 1, to: [x]}", "to[0]: found 'x'"),
        ("{id: a, calls: 1, then: shout}", "then: found 'shout', expected alert or"),
        ("{id: a, calls: 1, hold: ever}", "hold: found 'ever', expected a span"),
        ("{id: 'a b', calls: 1}", "id: found 'a b', expected 1 to 64"),
        ("{id: a, call: 1}", "call: found the unknown field 'call'"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_rule(tmp_path: Path, rule: str, told: str) -> None:
    found = mistakes(tmp_path, f"rules:\n  - {rule}")
    assert any(one.startswith(f"2: rules[0].{told}") for one in found), found


@settings(max_examples=300, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.data())
def test_whatever_the_file_holds_it_is_rules_or_told(tmp_path: Path, data: st.DataObject) -> None:
    text = list(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / "f.yaml"
    path.write_bytes(bytes(text))
    try:
        read_rules(path)
    except RoutingDataError as error:
        assert error.problems
