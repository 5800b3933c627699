"""Portability tables held to a dict, and refused where they are damaged."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vnroute.image.layout import ImageError
from vnroute.portability.build import Built, ListRefused, build_table
from vnroute.portability.layout import HEADER_BYTES
from vnroute.portability.table import PortabilityTable

# Dense runs, far neighbours, every length: blocks of every shape.
numbers = (
    st.integers(15_550_000_000, 15_550_000_400)
    | st.integers(442_000_000_000, 442_000_090_000)
    | st.integers(2_000_000, 9_999_999)
    | st.integers(2 * 10**14, 10**15 - 1)
)
routing_numbers = st.integers(19_990_000_000, 19_990_000_005) | st.integers(2, 9 * 10**14).filter(
    lambda number: not str(number).startswith("1") or len(str(number)) == 11
)
tables = st.dictionaries(numbers, routing_numbers, max_size=700)
HYPOTHESIS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def build(
    directory: Path, rows: list[tuple[int, int | None]], changes: bool = False, room: int = 1 << 22
) -> Built:
    lines = "".join(f"+{n},{f'+{r}' if r else ''}\n" for n, r in rows)
    text = f"number,routing_number\n{lines}"
    return build_table(directory, io.BytesIO(text.encode()), changes=changes, room=room)


def check(table: PortabilityTable, wanted: dict[int, int]) -> None:
    assert list(table) == sorted(wanted.items())
    assert len(table) == len(wanted)
    for number in wanted:
        for asked in (number, number - 1, number + 1, number + 256, number * 10):
            assert table.routing_number(asked) == wanted.get(asked), asked
    for asked in (0, 1, 10**15, 2**64 - 1):
        assert table.routing_number(asked) is None


@HYPOTHESIS
@given(rows=tables, order=st.randoms(), room=st.sampled_from([1, 7, 300, 1 << 20]))
def test_a_table_holds_its_list_and_nothing_else(
    rows: dict[int, int], order: object, room: int, tmp_path: Path
) -> None:
    listed: list[tuple[int, int | None]] = list(rows.items())
    order.shuffle(listed)  # type: ignore[attr-defined]
    built = build(tmp_path, listed, room=room)
    assert (built.rows, built.added, built.routing_numbers) == (
        len(rows), len(rows), len(set(rows.values())),
    )  # fmt: skip
    check(PortabilityTable(built.path), rows)


@pytest.mark.parametrize("step", [1, 2, 3, 64, 999])
def test_long_runs_and_long_tables(step: int, tmp_path: Path) -> None:
    rows = {15_550_000_000 + step * i: 19_990_000_000 + i % 7 for i in range(40_000)}
    built = build(tmp_path, list(rows.items()), room=1000)
    check(PortabilityTable(built.path), rows)
    # Sequential numbers cost a bit or two each, and three of seven routing numbers.
    assert built.size / len(rows) < 1.5 + step.bit_length() / 4


@HYPOTHESIS
@given(
    before=tables,
    changes=st.dictionaries(numbers, st.none() | routing_numbers, max_size=300),
    again=st.sets(st.integers(0, 699), max_size=100),
)
@example(before={15_550_000_000: 7_000_000}, changes={15_550_000_000: None}, again=set())
def test_changes_lie_over_the_table_in_force(
    before: dict[int, int], changes: dict[int, int | None], again: set[int], tmp_path: Path
) -> None:
    # Some of what is there is changed, removed, or comes again as it is.
    for place, number in enumerate(before):
        if place in again:
            changes.setdefault(number, (before[number], None, 7_777_777)[place % 3])
    build(tmp_path, list(before.items()))
    built = build(tmp_path, list(changes.items()), changes=True, room=50)
    after = before | {n: r for n, r in changes.items() if r is not None}
    for number, routing in changes.items():
        if routing is None:
            after.pop(number, None)
    check(PortabilityTable(built.path), after)
    gone = {n for n, r in changes.items() if r is None}
    assert built.removed == len(gone & set(before))
    assert built.absent == len(gone - set(before))
    assert built.added == len(set(after) - set(before))
    assert built.changed == sum(before[n] != after[n] for n in set(before) & set(after))
    assert built.unchanged == sum(before[n] == after[n] for n in set(before) & set(after))


@pytest.mark.parametrize(
    ("line", "field", "found"),
    [
        ("15551234567,+15557654321", "number", "'15551234567'"),
        ("+1555123456,+15557654321", "number", "'+1555123456'"),
        ("+0123456789,+15557654321", "number", "'+0123456789'"),
        ("+1234567890123456,+15557654321", "number", "'+1234567890123456'"),
        ("+44 20,+15557654321", "number", "'+44 20'"),
        ("+15551234567", "row", "1 field"),
        ("+15551234567,+15557654321,x", "row", "3 fields"),
        ("+15551234567,", "routing_number", "nothing"),
        ("+15551234567,D018", "routing_number", "'D018'"),
        ('"+15551234567,+15557654321', "number", "'\"+15551234567'"),
        ("\0,\0", "number", "'\\x00'"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_nothing_is_kept(
    line: str, field: str, found: str, tmp_path: Path
) -> None:
    text = f"number,routing_number\n+442079460000,+442079469999\n{line}\n+442079460001,+44207\n"
    with pytest.raises(ListRefused) as error:
        build_table(tmp_path, io.BytesIO(text.encode()))
    (bad,) = error.value.problems
    assert (bad.line, bad.field, bad.found) == (3, field, found)
    assert [path.name for path in tmp_path.iterdir()] == [".porting"]


def test_a_number_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    rows: list[tuple[int, int | None]] = [(442_000_000_000 + i, 4420) for i in range(30)]
    with pytest.raises(ListRefused) as error:
        build(tmp_path, [*rows, rows[4], rows[4]], room=8)
    assert [(bad.line, bad.expected) for bad in error.value.problems] == [
        (32, "each number once; it is first on 6"),
        (33, "each number once; it is first on 6"),
    ]


@pytest.mark.parametrize("text", ["", "\n", "number\n", "prefix,carrier\n", "+44,+45\n"])
def test_a_list_without_its_header_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ListRefused) as error:
        build_table(tmp_path, io.BytesIO(text.encode()))
    assert error.value.problems[0].field == "header"


def test_line_ends_quotes_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = '\ufeffnumber,routing_number\r\n"+15551234567","+15557654321"\r\n\r\n+4420794600,+44'
    built = build_table(tmp_path, io.BytesIO(text.encode()))
    assert list(PortabilityTable(built.path)) == [
        (4_420_794_600, 44), (15_551_234_567, 15_557_654_321),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    rows = [
        (15_550_000_000 + i * i % 100_003 * 7 + i, 19_990_000_000 + i % 50) for i in range(3000)
    ]
    listed: list[tuple[int, int | None]] = [*dict(rows).items()]
    return build(tmp_path_factory.mktemp("table"), listed).path.read_bytes()


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_bit_that_flips_is_found(data: st.DataObject, table: bytes, tmp_path: Path) -> None:
    at = data.draw(st.integers(0, 79) | st.integers(HEADER_BYTES, len(table) - 1))
    bad = bytearray(table)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "x").write_bytes(bad)
    with pytest.raises(ImageError, match=str(tmp_path / "x")):
        PortabilityTable(tmp_path / "x")


@pytest.mark.parametrize("cut", [1, 63, 64, 4096])
def test_a_cut_or_foreign_file_is_refused(cut: int, table: bytes, tmp_path: Path) -> None:
    for bad in (table[:-cut], table + bytes(cut), b"", b"VNROUTE\n" + bytes(4096), table[:100]):
        (tmp_path / "x").write_bytes(bad)
        with pytest.raises(ImageError):
            PortabilityTable(tmp_path / "x")


@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_word_whatever_makes_a_sealed_table_read_past_its_end(
    data: st.DataObject, table: bytes, tmp_path: Path
) -> None:
    """Either it is refused, or every lookup still comes to an end."""
    at = data.draw(st.integers(5, 8) | st.integers(16, len(table) // 8 - 1)) * 8
    value = data.draw(st.sampled_from([0, 1, 2**32 - 1, 2**64 - 1]) | st.integers(0, 2**64 - 1))
    bad = bytearray(table)
    struct.pack_into("<Q", bad, at, value)
    struct.pack_into("<I", bad, 72, zlib.crc32(bad[HEADER_BYTES:]))
    struct.pack_into("<I", bad, 76, zlib.crc32(bad[:76]))
    (tmp_path / "x").write_bytes(bad)
    try:
        opened = PortabilityTable(tmp_path / "x")
    except ImageError:
        return
    for number in range(15_550_000_000, 15_550_700_000, 997):
        opened.routing_number(number)
    list(opened)
