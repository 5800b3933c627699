"""The spool's files: torn writes, damage, failing disks, and a process killed while it writes."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.calls.group_commit import GroupCommit, TooMuchWaiting
from vnroute.calls.spool import Spool, SpoolError
from vnroute.calls.spool_format import (
    KIND_CALL,
    SEGMENT_HEAD_BYTES,
    Damage,
    Position,
    Record,
    encode_record,
    read_records,
    segment_name,
    segments,
)

START = Position(0, 0)


def payloads(spool: Spool, after: Position = START, most: int = 1 << 30) -> list[bytes]:
    return [found.payload for found, _ in spool.read(after, most) if isinstance(found, Record)]


def rows(*texts: bytes) -> list[bytes]:
    return [encode_record(KIND_CALL, 1, text) for text in texts]


def test_what_is_committed_is_read_in_order_and_again_after_reopening(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=200)
    wanted = [b"record %d" % i for i in range(50)]
    for text in wanted:
        spool.append(rows(text))
    assert payloads(spool) == wanted
    assert len(segments(tmp_path)) > 5
    identity = spool.id
    spool.close()
    spool = Spool(tmp_path, segment_bytes=200)
    assert (spool.id, spool.torn_bytes) == (identity, 0)
    spool.append(rows(b"after"))
    assert payloads(spool) == [*wanted, b"after"]
    places = [behind for _, behind in spool.read(START, 1 << 30)]
    for at in (0, 7, 30, 49):
        assert payloads(spool, places[at]) == [*wanted, b"after"][at + 1 :]
    assert payloads(spool, START, 3) == wanted[:3]


def test_segments_that_are_stored_are_removed_and_numbers_never_begin_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=100)
    for i in range(20):
        spool.append(rows(b"x" * 40 + b"%d" % i))
    place = list(spool.read(START, 1 << 30))[-1][1]
    assert spool.waiting_bytes(START) > 0
    assert spool.waiting_bytes(place) == 0
    spool.forget(place)
    assert segments(tmp_path) == [place.segment]
    spool.close()
    spool = Spool(tmp_path)
    spool.append(rows(b"next"))
    assert segments(tmp_path) == [place.segment, place.segment + 1]
    assert payloads(spool, place) == [b"next"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(SpoolError, match="another process"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.binary(max_size=60))
def test_a_torn_write_is_cut_off_and_all_before_it_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    spool = Spool(directory)
    wanted = [b"a" * 20, b"b" * 30, b"c" * 100]
    for text in wanted:
        spool.append(rows(text))
    size = spool.committed.offset
    spool.close()
    path = directory / segment_name(1)
    data = path.read_bytes()
    keep = max(SEGMENT_HEAD_BYTES, size - cut)
    path.write_bytes(data[:keep] + noise)
    spool = Spool(directory)
    sound = [found.payload for found in read_records(data[:keep], SEGMENT_HEAD_BYTES)
             if isinstance(found, Record)]  # fmt: skip
    assert payloads(spool) == sound == wanted[: len(sound)]
    spool.append(rows(b"next"))
    assert payloads(spool) == [*sound, b"next"]
    spool.close()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=50), min_size=1, max_size=8), st.data())
def test_one_bad_byte_costs_one_record_and_never_makes_another(
    texts: list[bytes], data: st.DataObject
) -> None:
    encoded = rows(*texts)
    whole = b"".join(encoded)
    at = data.draw(st.integers(0, len(whole) - 1))
    bad = whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :]
    found = [r.payload for r in read_records(bad, 0) if isinstance(r, Record)]
    starts = [sum(map(len, encoded[:i])) for i in range(len(texts) + 1)]
    hit = next(i for i in range(len(texts)) if starts[i] <= at < starts[i + 1])
    assert found == texts[:hit] + texts[hit + 1 :]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 64))
def test_chunks_of_any_size_read_the_same(texts: list[bytes], chunk: int) -> None:
    data = b"".join(rows(*texts))
    found: list[bytes] = []
    start, size = 0, chunk
    while start < len(data):
        part = data[start : start + size]
        at = 0
        for record in read_records(part, 0, whole=start + len(part) >= len(data)):
            assert isinstance(record, Record)
            found.append(record.payload)
            at = record.end
        size = chunk if at else 2 * size
        start += at
    assert found == texts


def test_damage_in_the_middle_is_told_and_passed_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for text in (b"one", b"two", b"three"):
        spool.append(rows(text))
    path = tmp_path / segment_name(1)
    data = bytearray(path.read_bytes())
    at = data.index(b"two")
    data[at] ^= 1
    path.write_bytes(data)
    found = [found for found, _ in spool.read(START, 10)]
    assert [r.payload for r in found if isinstance(r, Record)] == [b"one", b"three"]
    (damage,) = (d for d in found if isinstance(d, Damage))
    assert damage.end - damage.start == len(rows(b"two")[0])


def test_a_full_disk_keeps_nothing_of_the_batch_and_the_next_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append(rows(b"before"))
    real, room = os.pwrite, [10]

    def full(handle: int, data: bytes, offset: int) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(handle, data[: room[0]], offset)
        room[0] -= written
        return written

    monkeypatch.setattr(os, "pwrite", full)
    for _ in range(3):
        with pytest.raises(SpoolError, match="No space left"):
            spool.append(rows(b"lost?"))
    monkeypatch.undo()
    spool.append(rows(b"after"))
    assert payloads(spool) == [b"before", b"after"]
    spool.close()
    assert payloads(Spool(tmp_path)) == [b"before", b"after"]


def test_a_failed_sync_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append(rows(b"before"))

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(SpoolError, match="Input/output"):
        spool.append(rows(b"unsure"))
    monkeypatch.undo()
    assert payloads(spool) == [b"before"]
    spool.append(rows(b"after"))
    assert payloads(spool) == [b"before", b"after"]


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file" / "spool")


def test_many_at_once_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    real = os.fdatasync

    def counted(handle: int) -> None:
        syncs.append(handle)
        time.sleep(0.002)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def run() -> None:
        commit = GroupCommit(spool)
        commit.start()
        await asyncio.gather(*(commit.append(KIND_CALL, 1, b"%d" % i) for i in range(1000)))
        await commit.close()
        with pytest.raises(TooMuchWaiting):
            await commit.append(KIND_CALL, 1, b"late")

    spool = Spool(tmp_path)
    asyncio.run(run())
    assert sorted(map(int, payloads(spool))) == list(range(1000))
    assert len(syncs) < 10


def test_more_than_the_disk_can_take_is_refused_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vnroute.calls.group_commit._MOST_WAITING_BYTES", 1000)

    async def run() -> list[BaseException | None]:
        commit = GroupCommit(Spool(tmp_path))
        commit.start()
        found = await asyncio.gather(
            *(commit.append(KIND_CALL, 1, b"x" * 300) for _ in range(10)), return_exceptions=True
        )
        await commit.close()
        return list(found)

    found = asyncio.run(run())
    assert sum(isinstance(each, TooMuchWaiting) for each in found) == 7


WRITER = """
import asyncio, sys
from pathlib import Path
from vnroute.calls.spool import Spool
from vnroute.calls.group_commit import GroupCommit

async def run():
    spool = Spool(Path(sys.argv[1]), segment_bytes=20_000)
    commit = GroupCommit(spool)
    commit.start()
    async def many(first):
        n = 0
        while True:
            text = b"%d-%d" % (first, n)
            await commit.append(1, 1, text + b"." * 100)
            sys.stdout.write(text.decode() + "\\n")   # answered: from here on it must be there
            sys.stdout.flush()
            n += 1
    await asyncio.gather(*(many(i) for i in range(20)))
asyncio.run(run())
"""


def test_whatever_was_answered_is_there_after_sigkill_at_any_moment(tmp_path: Path) -> None:
    answered: set[str] = set()
    for turn in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.03 + 0.037 * turn)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.wait()
        writer.stdout.close()
        lines = (first + rest).split("\n")[:-1]  # the last may be cut in the middle
        answered |= {f"{turn}:{line}" for line in lines}
        spool = Spool(tmp_path)
        kept = [text.rstrip(b".").decode() for text in payloads(spool)]
        place = list(spool.read(START, 1 << 30))[-1][1]
        spool.close()
        assert set(lines) <= set(kept), "an answered record is lost"
        assert len(kept) == len(set(kept))
        for number in segments(tmp_path):
            if number < place.segment:
                (tmp_path / segment_name(number)).unlink()
        # As the store would have it: stored up to here, and forgotten.
        (tmp_path / segment_name(place.segment)).write_bytes(
            (tmp_path / segment_name(place.segment)).read_bytes()[:SEGMENT_HEAD_BYTES]
        )
    assert len(answered) > 100
