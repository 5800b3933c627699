from array import array

_Words = array[int] | memoryview

LEFT_OUT: int

class Callers:
    def add(self, keys: _Words, callers: _Words, groups: _Words) -> None: ...
    def counts(self, groups: int) -> list[tuple[int, int]]: ...

class Spans:
    def __init__(self, start: int, end: int) -> None: ...
    def add(
        self,
        keys: _Words,
        wanted: _Words,
        owners: _Words,
        groups: _Words,
        began: _Words,
        ended: _Words,
    ) -> None: ...
    def peaks(self, groups: int, bucket: int) -> list[dict[int, tuple[int, int, float]]]: ...
