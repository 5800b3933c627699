"""The numbers that plans and persons ring, in SQLite: an index over their documents.

By it a change of numbers knows whether it could make calls go round in circles, without reading
every plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from vnroute.model import Person, Plan
from vnroute.store.base import StoreError
from vnroute.store.sqlite_connection import Connection

__all__ = ["few_staged", "fill_rung", "forget_rung", "note_rung", "rings_any"]

_KINDS: dict[str, type[Plan] | type[Person]] = {"plans": Plan, "persons": Person}
_FEW = 1000


def _numbers(entity: Plan | Person) -> set[int]:
    if isinstance(entity, Plan):
        targets = [target for step in entity.steps for target in step.targets]
    else:
        targets = list(entity.targets().values())
    return {target.number for target in targets if target.number is not None}


def note_rung(connection: Connection, kind: str, entities: Iterable[Plan | Person]) -> None:
    """Note what plans or persons ring that were written; other kinds ring nothing."""
    if kind not in _KINDS:
        return
    rows = [(number, kind, one.id) for one in entities for number in _numbers(one)]
    forget_rung(connection, kind, [one.id for one in entities])
    connection.executemany("INSERT INTO rung_numbers VALUES (?, ?, ?)", sorted(rows))


def forget_rung(connection: Connection, kind: str, keys: Iterable[str]) -> None:
    """Forget what plans or persons ring that were removed, or are to be noted anew."""
    if kind in _KINDS:
        connection.executemany(
            "DELETE FROM rung_numbers WHERE kind = ? AND id = ?", [(kind, key) for key in keys]
        )


def few_staged(connection: Connection) -> bool:
    """Whether the staged numbers are so few that each may be looked up."""
    query = "SELECT count(*) < ? FROM (SELECT 1 FROM staged_numbers LIMIT ?)"
    return bool(connection.row(query, (_FEW, _FEW))[0])


def rings_any(connection: Connection, numbers: Sequence[int] | set[int] | None) -> bool:
    """Whether any of the staged numbers, or of ``numbers``, is rung; None stands for all."""
    if numbers is None:
        return True
    for number in numbers:
        if connection.row("SELECT 1 FROM rung_numbers WHERE number = ? LIMIT 1", (number,)):
            return True
    # CROSS JOIN is SQLite's way to say which table is gone through (sqlite.org/optoverview.html).
    first, then = ("staged_numbers", "rung_numbers")[:: 1 if few_staged(connection) else -1]
    query = f"SELECT 1 FROM {first} AS one CROSS JOIN {then} AS other USING (number) LIMIT 1"
    return connection.row(query) is not None


def fill_rung(connection: Connection) -> None:
    """Note what is rung by all that is stored: of a store from before this was noted."""
    for kind, model in _KINDS.items():
        decoder = msgspec.json.Decoder(model)
        for key, document in list(connection.rows(f"SELECT id, document FROM {kind}")):
            try:
                note_rung(connection, kind, [decoder.decode(document)])
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"{connection.path}: {kind} {key!r} is damaged: {error}"
                ) from error
    connection.execute("DROP TABLE rung_to_note")
