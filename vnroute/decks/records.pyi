from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import Any, Protocol

from vnroute.model.deck import DeckRate

class _Keeps(Protocol):
    def get(self, number: int) -> Any: ...

def pack_records(
    prefixes: list[str],
    lines: Sequence[int],
    terms: list[int],
    prices: list[int],
    names: list[int],
) -> bytearray: ...
def sort_records(records: bytearray | mmap) -> None: ...
def read_records(
    records: bytearray | mmap, terms: _Keeps, prices: _Keeps, names: _Keeps
) -> Iterator[tuple[DeckRate, int, str]]: ...
