from collections.abc import Callable

ROOM: int
CHUNK: int

class RoutingNumbers:
    count: int
    def __len__(self) -> int: ...
    def data(self) -> bytes: ...

class RowSorter:
    def __init__(
        self, spill: Callable[[bytes], Callable[[int], bytes]], room: int = ...
    ) -> None: ...
    def merged(self) -> SortedRows: ...

class SortedRows:
    def __init__(self, readers: list[Callable[[int], bytes]]) -> None: ...

class RowReader:
    line: int
    rows: int
    def __init__(
        self,
        sorter: RowSorter,
        numbers: RoutingNumbers,
        problem: Callable[[int, str, str], None],
        line: int = 1,
        removes: bool = False,
    ) -> None: ...
    def feed(self, data: bytes) -> int: ...
