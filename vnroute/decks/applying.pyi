from collections.abc import Callable, Iterable, Iterator

from vnroute.decks.comparing import Differences
from vnroute.decks.sorting import Staged
from vnroute.model.deck import DeckRate

def applied(
    stored: Iterable[DeckRate],
    coming: Iterable[Staged],
    *,
    full: bool,
    begins: int,
    now: int,
    differences: Differences,
    repeated: Callable[[int, int], None],
) -> Iterator[DeckRate]: ...
