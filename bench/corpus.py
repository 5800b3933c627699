"""The numbers that benchmarks look up: seeded, so that every run and peer has the same."""

from __future__ import annotations

import random
from functools import cache

#: Country codes with the digits of a whole national number, and how often each is drawn. The mix is
#: that of a wholesale rate deck: NANP and the large mobile markets hold most of the prefixes.
COUNTRIES: tuple[tuple[str, int, int], ...] = (
    ("1", 10, 30),
    ("44", 10, 12),
    ("49", 11, 10),
    ("33", 9, 5),
    ("34", 9, 4),
    ("39", 10, 4),
    ("7", 10, 5),
    ("86", 11, 5),
    ("91", 10, 5),
    ("55", 11, 5),
    ("52", 10, 4),
    ("62", 10, 3),
    ("234", 10, 2),
    ("263", 9, 1),
    ("353", 9, 1),
    ("420", 9, 1),
    ("880", 10, 2),
    ("971", 9, 1),
)

#: Digits of a prefix after its country code, and how often each length is drawn.
DEPTHS = (1, 2, 3, 4, 5, 6, 7)
DEPTH_WEIGHTS = (1, 2, 6, 14, 26, 33, 18)


@cache
def prefixes(count: int, seed: int = 1) -> list[str]:
    """``count`` different phone prefixes of 2 to 10 digits, in no order; many lie in others."""
    rng = random.Random(seed)
    weights = [weight for _, _, weight in COUNTRIES]
    found: dict[str, None] = {}
    while len(found) < count:
        missing = count - len(found)
        drawn = rng.choices(COUNTRIES, weights, k=missing)
        depths = rng.choices(DEPTHS, DEPTH_WEIGHTS, k=missing)
        for (code, _, _), depth in zip(drawn, depths, strict=True):
            found[f"{code}{rng.randrange(10**depth):0{depth}d}"] = None
    return list(found)


@cache
def called_numbers(count: int, table_size: int, seed: int = 2) -> list[str]:
    """``count`` whole numbers of 10 to 14 digits: nine in ten below one of the prefixes."""
    rng = random.Random(seed)
    table = prefixes(table_size)
    weights = [weight for _, _, weight in COUNTRIES]
    codes = sorted(COUNTRIES, key=lambda row: -len(row[0]))
    lengths = {code: len(code) + national for code, national, _ in codes}
    numbers = []
    for _ in range(count):
        if rng.random() < 0.9:
            start = rng.choice(table)
            code = next(row[0] for row in codes if start.startswith(row[0]))
        else:
            start = code = rng.choices(COUNTRIES, weights)[0][0]
        missing = lengths[code] - len(start)
        numbers.append(f"{start}{rng.randrange(10**missing):0{missing}d}")
    return numbers


def did(index: int) -> str:
    """The ``index``-th virtual number, as a carrier would hold them: one block, twelve digits."""
    return f"4420{index:08d}"
