from collections.abc import Iterable

from vnroute.model.deck import DeckRate, RateInForce

class Side:
    def __init__(self, rows: Iterable[DeckRate], owner: str, currency: str, now: int) -> None: ...
    def take(self, cut: str, window: list[RateInForce]) -> None: ...
