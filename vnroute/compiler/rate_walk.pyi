from array import array
from collections.abc import Callable, Iterable
from typing import Any

from vnroute.compiler.carrier_lists import CarrierLists
from vnroute.compiler.prefixes import PrefixSpans
from vnroute.model.deck import RateInForce

class RateWalk:
    prices: array[int]
    destinations: array[int]
    rows: int
    def __init__(
        self,
        row_of: dict[str, int],
        lists: CarrierLists,
        spans: PrefixSpans,
        choices: int,
        *,
        now: int,
        price: Callable[[str, str], int],
        odd_rate: Callable[[RateInForce, int, int], Any],
        lists_here: Callable[[str, dict[int, tuple[Any, ...]]], tuple[int, ...]],
        always: bool,
    ) -> None: ...
    def over(self, rates: Iterable[RateInForce], marks: list[str]) -> None: ...
