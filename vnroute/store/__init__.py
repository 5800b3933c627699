"""Where routing data rests: one interface, SQLite behind it."""

from vnroute.store.base import (
    Assignment,
    BlockSpan,
    Change,
    Counts,
    Reading,
    Store,
    StoreError,
    Tally,
    Transaction,
)
from vnroute.store.opening import open_store

__all__ = [
    "Assignment",
    "BlockSpan",
    "Change",
    "Counts",
    "Reading",
    "Store",
    "StoreError",
    "Tally",
    "Transaction",
    "open_store",
]
