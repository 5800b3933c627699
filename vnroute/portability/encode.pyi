from collections.abc import Callable

from vnroute.portability.rows import RoutingNumbers, SortedRows
from vnroute.portability.table import PortabilityTable

class BlockWriter:
    rows: int
    blocks: int
    words: int
    def __init__(self, write: Callable[[bytes], object]) -> None: ...
    def finish(self) -> tuple[bytes, bytes]: ...

def write_rows(
    rows: SortedRows,
    numbers: RoutingNumbers,
    writer: BlockWriter,
    before: PortabilityTable | None,
    again: Callable[[int, int, int], None],
    progress: Callable[[int], None],
) -> tuple[int, int, int, int, int]: ...
