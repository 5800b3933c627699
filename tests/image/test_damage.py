"""Images that are damaged, cut, foreign or of another version are refused, and say why."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.compiler.test_choosing import routing
from tests.support.images import acme, compiled
from vnroute.image.layout import HEADER_BYTES, ImageError, SectionId, read_header
from vnroute.image.program import Node
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.model import Choice, Number, Step
from vnroute.model.deck import DeckRate

CAPTURE = (Path(__file__).parents[1] / "data/captures/plain.channel_data").read_bytes()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    routing = acme()
    main = routing.plan_list[0]
    told = (
        Step(campaigns=("autumn-26", "spring-26"), ring=("+12125550100",)),
        Step(languages=("pt-BR", "es"), ring=("+12125550100",)),
        Step(languages=("zh-Hant",), ring=("+12125550100",)),
    )
    routing.plan_list[0] = structs.replace(main, steps=(*told, *main.steps))
    opened = compiled(routing, tmp_path_factory.mktemp("image"))
    return Path(opened.path).read_bytes()


@pytest.fixture(scope="module")
def choosing(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One whose rates ask for lists of callers and states, with a carrier that is left out."""
    decks = {
        "alpha": [DeckRate("1", rate="0.01"), DeckRate("1212555", "interstate", rate="0.02")],
        "beta": [DeckRate("1212", "iberia", rate="0.03"), DeckRate("12", time="peak:open")],
        "gamma": [DeckRate("1212", "intrastate", rate="0.001")],
    }
    data = routing(decks, ["+12125550100"], Choice(deny=("alpha",)))
    data.number_list.append(Number(number="+18005551234", account="acme", plan="p0"))
    return Path(compiled(data, tmp_path_factory.mktemp("choosing")).path).read_bytes()


def refused(data: bytes, path: Path) -> str:
    path.write_bytes(data)
    with pytest.raises(ImageError) as error:
        RouteImage(path)
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_foreign_file_says_what_it_begins_with(tmp_path: Path) -> None:
    assert "no route image" in refused(b"SQLite format 3\0" + bytes(4096), tmp_path / "x")
    assert "empty file" in refused(b"", tmp_path / "x")
    assert "too short" in refused(b"VNROUTE\n", tmp_path / "x")


def test_another_version_says_so(image: bytes, tmp_path: Path) -> None:
    newer = image[:8] + struct.pack("<I", 99) + image[12:]
    assert "image format 99" in refused(newer, tmp_path / "x")


@pytest.mark.parametrize("cut", [1, 63, 64, 4096, 1_000_000])
def test_a_cut_file_says_how_long_it_should_be(image: bytes, cut: int, tmp_path: Path) -> None:
    assert "its header says" in refused(image[:-cut], tmp_path / "x")
    assert "its header says" in refused(image + bytes(cut), tmp_path / "x")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_bit_that_flips_anywhere_in_header_or_sections_is_found(
    data: st.DataObject, image: bytes, tmp_path: Path
) -> None:
    header = read_header(memoryview(image), "x")
    places = [
        range(place.offset, place.offset + place.size)
        for place in header.sections.values()
        if place.size
    ]
    places.append(range(HEADER_BYTES + 48 * len(header.sections)))
    at = data.draw(st.sampled_from(data.draw(st.sampled_from(places))))
    bad = bytearray(image)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    refused(bytes(bad), tmp_path / "x")


def resealed(
    image: bytes, section: SectionId, at: int, value: bytes, size: int | None = None
) -> bytes:
    """Change a section, and how many bytes it is said to have, and make every checksum right again,
    as someone with intent would.
    """
    data = bytearray(image)
    header = read_header(memoryview(image), "x")
    place = header.sections[section]
    data[place.offset + at : place.offset + at + len(value)] = value
    for row in range(len(header.sections)):
        entry = HEADER_BYTES + 48 * row
        if struct.unpack_from("<I", data, entry)[0] == section:
            length = place.size if size is None else size
            crc = zlib.crc32(data[place.offset : place.offset + length])
            struct.pack_into("<I", data, entry + 4, crc)
            struct.pack_into("<Q", data, entry + 16, length)
    stop = HEADER_BYTES + 48 * len(header.sections)
    crc = zlib.crc32(data[HEADER_BYTES:stop], zlib.crc32(data[: HEADER_BYTES - 4]))
    struct.pack_into("<I", data, HEADER_BYTES - 4, crc)
    return bytes(data)


def by_origin(image: bytes) -> list[int]:
    """Return where nodes that ask for a list of callers lie in the CHOICES section, in bytes."""
    place = read_header(memoryview(image), "x").sections[SectionId.CHOICES]
    words = struct.unpack_from(f"<{place.size // 4}I", image, place.offset)
    return [4 * at for at, word in enumerate(words) if word == Node.BY_ORIGIN << 24 | 3]


def test_a_node_that_asks_for_a_list_that_is_not_there_is_refused(
    choosing: bytes, tmp_path: Path
) -> None:
    nodes = by_origin(choosing)
    assert len(nodes) >= 3
    lists = read_header(memoryview(choosing), "x").sections[SectionId.LISTS].rows
    for at in nodes:
        for word, value in ((0, Node.BY_ORIGIN << 24 | 2), (0, Node.BY_ORIGIN << 24 | 4),
                            (1, lists), (1, 0xFFFFFFFF), (2, 0xFFFFFFFF), (3, 0xFFFFFFF),
                            (4, at // 4)):  # fmt: skip
            bad = resealed(choosing, SectionId.CHOICES, at + 4 * word, struct.pack("<I", value))
            assert "choices" in refused(bad, tmp_path / "x")


def test_carriers_that_may_be_tried_are_as_many_as_there_are_in_each_column(
    choosing: bytes, tmp_path: Path
) -> None:
    section = read_header(memoryview(choosing), "x").sections[SectionId.ALLOWED]
    for size in (0, section.size - 1, section.size + 1):
        bad = resealed(choosing, SectionId.ALLOWED, 0, b"\1", size)
        assert "carriers allowed" in refused(bad, tmp_path / "x")
    # Whatever the bytes are, no carrier that is not there is tried.
    for value in (0, 2, 255):
        path = tmp_path / "y"
        path.write_bytes(resealed(choosing, SectionId.ALLOWED, 0, bytes([value])))
        assert Matcher(RouteImage(path)).decide(CAPTURE, 0.0).endswith(b"exit\n\n")


@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_word_whatever_makes_a_sealed_image_read_past_its_end(
    data: st.DataObject, image: bytes, tmp_path: Path
) -> None:
    """Either it is refused, or every decision from it still ends in a reply."""
    any_word(data, image, tmp_path, list(SectionId))


@settings(
    max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_word_of_what_carriers_are_chosen_by_makes_it_read_past_its_end(
    data: st.DataObject, choosing: bytes, tmp_path: Path
) -> None:
    chosen = [SectionId.CHOICES, SectionId.ALLOWED, SectionId.DESTINATIONS, SectionId.LISTS,
              SectionId.LIST_SETS, SectionId.CALLERS, SectionId.ORDERS]  # fmt: skip
    any_word(data, choosing, tmp_path, chosen)


def any_word(data: st.DataObject, image: bytes, tmp_path: Path, sections: list[SectionId]) -> None:
    header = read_header(memoryview(image), "x")
    section = data.draw(st.sampled_from(
        [s for s in sections if header.sections[s].size and s != SectionId.PREFIX_INDEX]
    ))  # fmt: skip
    size = header.sections[section].size
    at = data.draw(st.integers(0, size // 4 - 1)) * 4 if size >= 4 else 0
    value = data.draw(
        st.sampled_from([0, 1, 2, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x3FFFFFFF])
        | st.integers(0, 0xFFFFFFFF)
    )
    path = tmp_path / "x"
    path.write_bytes(resealed(image, section, at, struct.pack("<I", value)[: size - at]))
    try:
        opened = RouteImage(path)
    except ImageError:
        return
    matcher = Matcher(opened)
    for moment in (0.0, 1795366800.0, 4e9):
        assert matcher.decide(CAPTURE, moment).endswith(b"exit\n\n")
