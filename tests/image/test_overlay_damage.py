"""Overlays that are damaged, cut, foreign or over another image are refused, and say why."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import acme, compiled
from vnroute.compiler.overlay import write_overlay_of
from vnroute.image.generations import overlay_path
from vnroute.image.layout import ImageError
from vnroute.image.overlay import HEADER_BYTES, overlay_header
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.matcher.image import RouteImage
from vnroute.matcher.overlay import Overlay
from vnroute.store.base import NumberChange, NumberChanges

MOVED = 18005550004
AFTER = HEADER_BYTES - 48


class Log:
    """Three numbers changed, one of them removed."""

    def number_changes(self, after: int) -> NumberChanges:
        way = ("acme", "acme-night", "c", "active", "", "", "")
        return NumberChanges(
            5,
            (
                NumberChange(3, MOVED, *way),
                NumberChange(4, 442079460123, *[""] * 7),
                NumberChange(5, 18005550009, *way),
            ),
            (),
        )

    def entity(self, kind: str, key: str) -> bytes | None:
        return None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[RouteImage, bytes]:
    directory = tmp_path_factory.mktemp("images")
    image = compiled(acme(), directory)
    state = write_overlay_of(directory, image.generation, Log())
    assert (state.numbers, state.serial, state.waiting) == (3, 5, frozenset())
    return image, overlay_path(directory, image.generation).read_bytes()


def refused(data: bytes, path: Path, image: RouteImage) -> str:
    path.write_bytes(data)
    with pytest.raises(ImageError) as error:
        Overlay(path, image)
    assert str(path) in str(error.value)
    return str(error.value)


def resealed(data: bytes) -> bytes:
    """Make the checksums right again, as someone with intent would."""
    head = bytearray(data[:HEADER_BYTES])
    struct.pack_into("<I", head, 68, zlib.crc32(data[HEADER_BYTES:]))
    struct.pack_into("<I", head, 76, zlib.crc32(head[:76]))
    return bytes(head) + data[HEADER_BYTES:]


def test_what_is_none_says_what_it_is(made: tuple[RouteImage, bytes], tmp_path: Path) -> None:
    image, data = made
    path = tmp_path / "x"
    assert "no overlay" in refused(b"SQLite format 3\0" + bytes(4096), path, image)
    assert "empty file" in refused(b"", path, image)
    assert "too short" in refused(data[:100], path, image)
    assert "it was cut" in refused(data[:-1], path, image)
    assert "it was cut" in refused(data + b"\0", path, image)
    assert "format 9" in refused(data[:8] + struct.pack("<I", 9) + data[12:], path, image)
    path.write_bytes(b"")
    with pytest.raises(ImageError):
        overlay_header(path)
    assert overlay_header(tmp_path / "none") is None


def test_one_over_another_image_is_refused(made: tuple[RouteImage, bytes], tmp_path: Path) -> None:
    image, data = made
    other = compiled(acme(), tmp_path, generation=8)
    assert "generation 7" in refused(data, tmp_path / "x", other)
    anew = compiled(acme(), tmp_path, generation=7, now=image.header.compiled_at + 60)
    assert "which is not the image" in refused(data, tmp_path / "x", anew)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match="another image"):
        Matcher(other).lay(Overlay(tmp_path / "x", image))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 2**20), bit=st.integers(0, 7))
def test_a_bit_that_flips_is_found(
    at: int, bit: int, made: tuple[RouteImage, bytes], tmp_path: Path
) -> None:
    image, data = made
    place = at % (len(data) - 48)
    place += 48 * (place >= AFTER)  # behind the header's spare bytes, which nobody reads
    bad = bytearray(data)
    bad[place] ^= 1 << bit
    refused(bytes(bad), tmp_path / "x", image)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    word=st.integers(0, 2**20),
    value=st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32 - 2]) | st.integers(0, 2**32 - 1),
)
def test_wrong_content_under_right_checksums_is_refused_or_harmless(
    word: int, value: int, made: tuple[RouteImage, bytes], tmp_path: Path
) -> None:
    image, data = made
    bad = bytearray(data)
    struct.pack_into("<I", bad, word % (len(data) // 4) * 4, value)
    path = tmp_path / "x"
    path.write_bytes(resealed(bytes(bad)))
    try:
        overlay = Overlay(path, image)
    except ImageError:
        return
    matcher = Matcher(image)
    matcher.lay(overlay)
    for number in (MOVED, 442079460123, 18005550009, 18005551234, 1, 10**15 - 1):
        assert matcher.decide(channel_data(f"+{number}"), 1795453200.0).endswith(b"exit\n\n")


def test_a_table_without_a_free_slot_is_refused(
    made: tuple[RouteImage, bytes], tmp_path: Path
) -> None:
    image, data = made
    header = SimpleNamespace(slots=struct.unpack_from("<I", data, 12)[0])
    full = b"".join(struct.pack("<QII", 100 + n, 0xFFFFFFFF, 0) for n in range(header.slots))
    bad = bytearray(data)
    bad[HEADER_BYTES : HEADER_BYTES + len(full)] = full
    struct.pack_into("<I", bad, 60, header.slots)
    assert f"{header.slots} numbers" in refused(resealed(bytes(bad)), tmp_path / "x", image)
