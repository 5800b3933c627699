"""Routing files: what is read, and each kind of mistake with its line and words."""

import time

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vnroute.importing.findings import Findings
from vnroute.importing.routing_file import RoutingDocument, read_routing_file
from vnroute.model import RoutingFile


def read(text: str | bytes) -> tuple[RoutingDocument, list[str]]:
    problems = Findings()
    data = text if isinstance(text, bytes) else text.encode()
    document = read_routing_file(data, "r.yaml", problems)
    return document, [str(problem).removeprefix("r.yaml") for problem in problems.kept]


def test_every_scalar_stays_text() -> None:
    document, problems = read("""
accounts:
  - {id: no, name: 1_000, time_zone: UTC, allow: [+1, 44]}
  - {id: 2024-01-01, allow_premium: true}
schedules:
  - {id: on, time_zone: UTC, open: [{days: daily, hours: 22:00-06:00}]}
plans:
  - id: 0x10
    account: no
    steps: [{when: on, ring: [+1 (212) 555-0100], seconds: 20}, {hangup: relay}]
numbers:
  - {number: +18005551234, account: no, plan: 0x10}
""")
    assert problems == []
    content = document.content()
    assert [account.id for account in content.accounts] == ["no", "2024-01-01"]
    assert content.accounts[0].name == "1_000"
    assert content.accounts[1].allow_premium is True
    assert content.schedules[0].open[0].hours == "22:00-06:00"
    assert content.plans[0].steps[0].seconds == 20
    assert content.numbers[0].number == "+18005551234"


def test_empty_sections_and_a_byte_order_mark_are_fine() -> None:
    document, problems = read(b"\xef\xbb\xbfaccounts:\r\n  - id: a\r\nnumbers:\r\n")
    assert problems == []
    assert len(document.content().accounts) == 1


def test_aliases_stand_for_values() -> None:
    document, problems = read("""
schedules:
  - {id: a, time_zone: UTC, open: &hours [{days: mon}]}
  - {id: b, time_zone: UTC, open: *hours}
""")
    assert problems == []
    first, second = document.content().schedules
    assert first.open == second.open


SECTIONS = (
    "accounts, answers, lists, screens, schedules, persons, policies, plans, numbers, blocks,"
    " carriers, rates"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", f": file: found nothing, expected sections: some of {SECTIONS}"),
        (b"# only\n", f": file: found nothing, expected sections: some of {SECTIONS}"),
        (b"- a\n", f":1: file: found a list, expected sections: some of {SECTIONS}"),
        (b"text", f":1: file: found 'text', expected sections: some of {SECTIONS}"),
        (b"accounts:\n\t- id: a", ":2: file: found a tab, expected YAML indented with spaces"),
        (b"accounts: [{id: a}", ":1: file: found the end of the line or file"),
        (b"accounts:\n  - id: a\n b: c: d", ":3: file: found "),
        (b"a: 'x", ":1: file: found unexpected end of stream while scanning a quoted scalar"),
        (b"accounts: []\n---\nplans: []", ":2: file: found a second document (---)"),
        (b"accounts: []\nplans: caf\xe9", ":2: file: found byte 0xE9, which is not UTF-8"),
        (b"accounts: []\nplans: a\0b", ":2: file: found the control character U+0000"),
        ("a: x".encode("utf-16"), ":1: file: found byte 0xFF, which is not UTF-8"),
        (b"[" * 5000, ":1: file: found values nested too deep, expected 16 levels at most"),
        (b"a: " + b"{a: " * 5000, ":1: file: found values nested too deep"),
        (b"a: *x", ":1: file: found the alias *x, expected an anchor before it"),
        (b"a: &x [*x]", ":1: file: found the alias *x, expected an anchor before it"),
        (b"a: !!python/object:os.system x", ":1: file: found the tag"),
        (b"? [a]\n: b", ":1: file: found a mapping or a list as a field's name"),
        (b"acounts: []", ":1: acounts: found the unknown section 'acounts', expected one of"),
        (b"accounts: x", ":1: accounts: found 'x', expected a list"),
        (b"accounts:\n  id: a", ":2: accounts: found a mapping, expected a list"),
        (b"accounts:\n  - a", ":2: accounts[0]: found 'a', expected fields such as id"),
        (
            b"accounts:\n  - id: a\n    id: b",
            ":3: accounts[0].id: found 'id' again, expected each field once; it is first on line 2",
        ),
        (
            b"accounts: []\nplans: []\naccounts: []",
            ":3: accounts: found 'accounts' again, expected each field once; it is first on line 1",
        ),
    ],
)
def test_files_that_are_no_routing_files(text: bytes, problem: str) -> None:
    problems = read(text)[1]
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    text = "a: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40)
    )
    start = time.monotonic()
    problems = read(text)[1]
    assert problems[-1].endswith("expected aliases of 100000 values in all at most")
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("section", "entry", "problems"),
    [
        ("accounts", "{}", ["2: accounts[0].id: found nothing, expected the field 'id', which"]),
        (
            "accounts",
            "{id: a, time_zone: Mars/Base}",
            ["2: accounts[0].time_zone: found 'Mars/Base', expected a zone of the IANA database"],
        ),
        (
            "accounts",
            "{id: a b, allow: [+1, x], allow_premium: yes, state: gone, fo: 1}",
            [
                "2: accounts[0].allow_premium: found 'yes', expected true or false",
                "2: accounts[0].state: found 'gone', expected active or suspended",
                "2: accounts[0].fo: found the unknown field 'fo', expected one of id, name",
                "2: accounts[0].id: found 'a b', expected 1 to 64 letters",
                "2: accounts[0].allow[1]: found 'x', expected a prefix of 1 to 15 digits",
            ],
        ),
        (
            "schedules",
            "id: a\n    time_zone: UTC\n    open:\n      - days: mon\n        hours: 9-17",
            ["6: schedules[0].open[0].hours: found '9-17', expected hours such as"],
        ),
        (
            "schedules",
            "{id: a, time_zone: UTC, open: []}",
            ["2: schedules[0].open: found no hours"],
        ),
        (
            "schedules",
            "{id: a, time_zone: UTC, open: mon}",
            ["2: schedules[0].open: found 'mon', expected a list"],
        ),
        (
            "plans",
            "id: p\n    account: a\n    steps:\n      - ring:\n          - +12125550100\n"
            "          - +1212555\n        seconds: soon\n      - hangup: BUSY",
            [
                "8: plans[0].steps[0].seconds: found 'soon', expected a whole number",
                "7: plans[0].steps[0].ring[1]: found '+1212555' with 6 digits after +1, expected",
                "9: plans[0].steps[1].hangup: found 'BUSY', expected a hangup cause of",
            ],
        ),
        (
            "plans",
            "{id: p, account: a, steps: [{ring: [+12125550100]}]}",
            ["2: plans[0].steps[0]: found ring as the last step, expected a last step that always"],
        ),
        (
            "plans",
            "{id: p, account: a, steps: [{hangup: relay}, {hangup: relay}]}",
            ["2: plans[0].steps[0]: found hangup relay, expected no step after it"],
        ),
        (
            "numbers",
            "number: 18005551234\n    account: a\n    plan: p q",
            [
                "2: numbers[0].number: found '18005551234', expected an E.164 number",
                "4: numbers[0].plan: found 'p q', expected 1 to 64 letters",
            ],
        ),
        (
            "numbers",
            "{number: [1], account: a, plan: p}",
            ["2: numbers[0].number: found a list, expected text"],
        ),
        (
            "blocks",
            "{account: a, plan: p}",
            ["2: blocks[0].block: found neither of block and prefix, expected one of block and"],
        ),
        (
            "blocks",
            "{block: +1800, account: a, plan: p}",
            ["2: blocks[0].block: found '+1800', expected a block"],
        ),
        ("carriers", "{id: c, gateways: []}", ["2: carriers[0].gateways: found no gateways"]),
        (
            "carriers",
            "id: c\n    gateways:\n"
            "      - {id: g, gateway: 'a,b', format: '{x}', progress_seconds: 0}",
            [
                "4: carriers[0].gateways[0].gateway: found 'a,b', expected 1 to 64",
                "4: carriers[0].gateways[0].format: found '{x}', expected one of {e164}",
                "4: carriers[0].gateways[0].progress_seconds: found 0, expected 1 to 60 seconds",
            ],
        ),
        (
            "rates",
            '{prefix: "0", carrier: c, rate: -1, destination: "a\\u0007b"}',
            [
                "2: rates[0].prefix: found '0', expected a prefix",
                "2: rates[0].rate: found '-1', expected a price a minute",
                "2: rates[0].destination: found 'a\\x07b', expected printable",
            ],
        ),
    ],
)
def test_every_mistake_of_an_entry_is_told(section: str, entry: str, problems: list[str]) -> None:
    found = [problem.removeprefix(":") for problem in read(f"{section}:\n  - {entry}\n")[1]]
    assert len(found) == len(problems)
    for said, expected in zip(found, problems, strict=True):
        assert said.startswith(expected)


def test_sound_entries_are_read_beside_bad_ones() -> None:
    document, problems = read("accounts:\n  - id: a\n  - id: b c\n  - id: d\n")
    assert [(i, a.id) for i, a in document.sections["accounts"]] == [(0, "a"), (2, "d")]
    assert document.refused["accounts"] == {"b c"}
    assert len(problems) == 1


def test_a_hundred_thousand_numbers_are_read_in_seconds() -> None:
    text = "numbers:\n" + "".join(
        f'  - {{number: "+1800{i:07}", account: acme, plan: main}}\n' for i in range(100_000)
    )
    start = time.monotonic()
    document, problems = read(text)
    assert (len(document.sections["numbers"]), problems) == (100_000, [])
    assert document.line_of("numbers[99999].plan") == 100_001
    assert time.monotonic() - start < 10


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    document, problems = read(data)
    assert problems or document.root is not None


FRAGMENTS = st.lists(
    st.sampled_from(
        ["accounts:", "plans:", "- ", "  ", "\n", "id: a", "{", "}", "[", "]", ",", "&x ", "*x",
         ":", "steps:", "ring: ", "+18005551234", "hangup: relay", "'", '"', "#", "|", ">", "!",
         "%", "\t", "? ", "---", "...", "\r\n", "é", "\u2028", "\ufeff"]
    ),
    max_size=30,
)  # fmt: skip


@given(FRAGMENTS)
def test_any_yaml_is_read_or_refused(parts: list[str]) -> None:
    read("".join(parts))


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(str.isascii)
NUMBERS = st.from_regex(r"\+1[0-9]{10}", fullmatch=True).filter(str.isascii)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"number": NUMBERS, "account": NAMES, "plan": NAMES},
            optional={"campaign": NAMES, "state": st.sampled_from(["active", "suspended"])},
        ),
        min_size=1,
    ),
    st.booleans(),
)
def test_what_a_yaml_library_writes_is_read_back(numbers: list[dict[str, str]], flow: bool) -> None:
    text = yaml.safe_dump({"numbers": numbers}, default_flow_style=flow)
    document, problems = read(text)
    assert problems == []
    assert document.content() == msgspec.convert({"numbers": numbers}, RoutingFile)
    for position, number in enumerate(numbers):
        line = document.line_of(f"numbers[{position}].number")
        assert number["number"] in text.split("\n")[line - 1]
