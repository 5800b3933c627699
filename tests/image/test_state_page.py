"""The state page: what is written is read whole, whatever happens to the writer or the file."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.image.keys import Kind, page_key, state_hash
from vnroute.image.state_page import PageError, StatePage, identity_of

DAY = 86400


def test_what_is_put_is_read_through_another_mapping(tmp_path: Path) -> None:
    path = tmp_path / "state" / "state.page"
    writer = StatePage.open(path, create=True)
    reader = StatePage.open(path)
    assert reader.get(Kind.GATEWAY, "alpha-1") is None
    writer.put(Kind.GATEWAY, "alpha-1", 2, extra=7, until=2_000_000_000, more=1 << 63)
    item = reader.get(Kind.GATEWAY, "alpha-1")
    assert item is not None
    assert (item.value, item.extra, item.until, item.more) == (2, 7, 2_000_000_000, 1 << 63)
    assert reader.items() == [item]
    assert reader.counts()[Kind.GATEWAY] == 1
    assert reader.get(Kind.CARRIER, "alpha-1") is None
    assert writer.remove(Kind.GATEWAY, "alpha-1")
    assert not writer.remove(Kind.GATEWAY, "alpha-1")
    assert reader.items() == []
    assert reader.counts()[Kind.GATEWAY] == 0


def test_an_entry_ends_by_itself(tmp_path: Path) -> None:
    page = StatePage.open(tmp_path / "state.page", create=True)
    page.put(Kind.SCHEDULE, "office", 1, until=1000)
    page.put(Kind.SCHEDULE, "shop", 1)
    assert page.get(Kind.SCHEDULE, "office", 999) is not None
    assert page.get(Kind.SCHEDULE, "office", 1000) is None
    assert page.get(Kind.SCHEDULE, "shop", 1e12) is not None
    assert page.expire(1000) == 1
    assert [item.key for item in page.items()] == [page_key(Kind.SCHEDULE, "shop")]


def test_keys_are_what_they_were() -> None:
    """A page outlives the process that wrote it, and an image the vnroute that compiled it."""
    assert page_key(Kind.GATEWAY, "alpha-1") == 0x5A87E1EC2B913844
    assert page_key(Kind.DIVERT_NUMBER, "+18005551234") == 0x94E23727591E9B8B
    assert page_key(Kind.DIVERT_PLAN, "acme-main") == 0x49418B54F166423B
    assert state_hash("closed") == 0x7BE59B1B


def test_readers_refuse_writing(tmp_path: Path) -> None:
    StatePage.open(tmp_path / "state.page", create=True)
    with pytest.raises(PageError, match="to be read only"):
        StatePage.open(tmp_path / "state.page").put(Kind.GATEWAY, "a", 1)


names = st.text("abcdef", min_size=1, max_size=2)
actions = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from(list(Kind)[:4]), names,
              st.integers(0, 2**32 - 1)),
    max_size=200,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=actions)
def test_any_run_of_puts_and_removals_reads_as_a_mapping_would(
    tmp_path: Path, actions: list[tuple[str, Kind, str, int]]
) -> None:
    path = tmp_path / "state.page"
    StatePage.renew(path, 128)  # small, so that it fills and is built anew
    page = StatePage.open(path, create=True)
    model: dict[tuple[Kind, str], int] = {}
    for action, kind, name, value in actions:
        if action == "remove":
            assert page.remove(kind, name) == (model.pop((kind, name), None) is not None)
            continue
        try:
            page.put(kind, name, value)
        except PageError:
            assert len(model) >= 96
        else:
            model[kind, name] = value
    fresh = StatePage.open(path)
    assert {item.key: item.value for item in fresh.items()} == {
        page_key(*thing): value for thing, value in model.items()
    }
    for kind in list(Kind)[:4]:
        assert fresh.counts()[kind] == sum(1 for there, _ in model if there == kind)


def test_a_full_page_says_so_and_a_worn_one_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.page"
    StatePage.renew(path, 128)
    page = StatePage.open(path, create=True)
    before = identity_of(path)
    for number in range(2000):
        page.put(Kind.GATEWAY, f"g{number}", number)
        if number >= 10:
            page.remove(Kind.GATEWAY, f"g{number - 10}")
    assert sorted(item.value for item in page.items()) == list(range(1990, 2000))
    assert identity_of(path) != before or page.counts()[Kind.GATEWAY] == 10
    with pytest.raises(PageError, match="full"):
        for number in range(128):
            page.put(Kind.CARRIER, f"c{number}", 1)


def test_two_writers_see_what_the_other_one_did_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.page"
    first, second = (StatePage.open(path, create=True) for _ in range(2))
    first.put(Kind.GATEWAY, "a", 1)
    StatePage.renew(path)
    second.put(Kind.GATEWAY, "b", 2)
    first.put(Kind.GATEWAY, "c", 3)
    assert sorted(item.value for item in StatePage.open(path).items()) == [2, 3]
    path.unlink()
    second.put(Kind.GATEWAY, "d", 4)
    assert [item.value for item in StatePage.open(path).items()] == [4]


def test_replace_leaves_other_kinds_and_what_stays_alone(tmp_path: Path) -> None:
    page = StatePage.open(tmp_path / "state.page", create=True)
    page.put(Kind.GATEWAY, "a", 1)
    page.put(Kind.SCHEDULE, "b", 2)
    page.put(Kind.SCHEDULE, "c", 3)
    page.replace([Kind.SCHEDULE, Kind.PERSON], [(Kind.SCHEDULE, "c", 4, 0, 0, 0),
                                                (Kind.PERSON, "d", 5, 0, 0, 0)])  # fmt: skip
    assert sorted(item.value for item in page.items()) == [1, 4, 5]


def refused(data: bytes, path: Path) -> str:
    path.write_bytes(data)
    with pytest.raises(PageError) as error:
        StatePage.open(path)
    assert str(path) in str(error.value)
    with pytest.raises(PageError):
        StatePage.open(path, create=True)
    return str(error.value)


def test_foreign_damaged_cut_and_other_pages_are_refused_and_say_why(tmp_path: Path) -> None:
    path = tmp_path / "state.page"
    StatePage.open(path, create=True)
    sound = path.read_bytes()
    assert "too short" in refused(b"", path)
    assert "no state page" in refused(b"SQLite format 3\0" + sound[16:], path)
    assert "format 9" in refused(sound[:8] + struct.pack("<I", 9) + sound[12:], path)
    assert "cut or grew" in refused(sound[:-64], path)
    assert "damaged" in refused(sound[:24] + bytes([sound[24] ^ 0x55]) + sound[25:], path)
    head = bytearray(sound[:32])
    struct.pack_into("<I", head, 12, 3)
    assert "none" in refused(bytes(head) + struct.pack("<I", zlib.crc32(head)) + sound[36:], path)
    StatePage.renew(path)
    assert StatePage.open(path).items() == []


HAMMER = """
import sys
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
page = StatePage.open(sys.argv[1], create=True)
turn = 0
while True:
    turn += 1
    word = turn & 0xFFFFFFFF
    more = turn * 0x9E3779B97F4A7C15 % 2**64
    page.put(Kind.GATEWAY, "alpha", word, word ^ 0xFFFFFFFF, turn, more)
    page.put(Kind.GATEWAY, f"g{turn % 7}", 5, 5, 5, 5)
    page.remove(Kind.GATEWAY, f"g{(turn + 3) % 7}")
    if turn % 5 == 0:
        page.remove(Kind.GATEWAY, "alpha")
"""


def test_no_reader_ever_sees_half_of_an_entry(tmp_path: Path) -> None:
    """A writer changes, removes and adds as fast as it can; killed at any instant, it leaves a
    page that reads whole.
    """
    path = tmp_path / "state.page"
    StatePage.open(path, create=True)
    seen: set[int] = set()
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", HAMMER, str(path)])
        try:
            page = StatePage.open(path)
            key = page_key(Kind.GATEWAY, "alpha")
            end = time.monotonic() + 30
            wanted = len(seen) + 1000
            while len(seen) < wanted and time.monotonic() < end:
                item = page.get_key(Kind.GATEWAY, key, 0)
                if item is None:
                    continue
                assert item.extra == item.value ^ 0xFFFFFFFF
                assert item.until & 0xFFFFFFFF == item.value
                assert item.more == item.until * 0x9E3779B97F4A7C15 % 2**64
                seen.add(item.until)
        finally:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        after = StatePage.open(path, create=True)
        after.put(Kind.GATEWAY, "alpha", 1, 0xFFFFFFFE, 1, 0x9E3779B97F4A7C15)
        assert after.counts()[Kind.GATEWAY] == len(after.items())
    assert len(seen) > 100
