"""An edit: entries put and removed one by one or together, as programs and the console send them.

The same checks as for files, all of it or nothing, and nothing at all if what the sender has seen
is no longer what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from vnroute.importing.loading import Loading, Report
from vnroute.importing.removing import REQUEST
from vnroute.importing.routing_file import read_routing_data
from vnroute.model.forwarding import MAX_HOPS
from vnroute.model.problem import RoutingDataError
from vnroute.store.base import Store, Transaction

__all__ = ["REQUEST", "edit"]


def edit(
    store: Store,
    put: Mapping[str, Sequence[Any]],
    remove: Mapping[str, Collection[str]],
    *,
    what: str,
    who: str,
    allowed: Callable[[Transaction], None] = lambda _: None,
    dry_run: bool = False,
    max_hops: int = MAX_HOPS,
    horizon_years: int = 3,
    max_attempts: int = 6,
) -> Report:
    """Put entries of sections (``plans``: plain data of each), and remove others by id.

    ``allowed`` looks at what is stored inside the transaction, before anything is written, and
    raises what it likes to refuse. ``remove`` may name ``numbers`` and ``blocks`` as well, by their
    notation. Raises :class:`RoutingDataError` with every problem found, its
    fields as paths into ``put`` and ``remove``, and :class:`vnroute.store.StoreError`.
    """
    loading = Loading(
        store, what, None, False, max_hops, horizon_years, max_attempts, lambda *_: None
    )
    loading.documents.append(read_routing_data(dict(put), REQUEST, loading.problems))
    if len(loading.problems):
        # Said at once: a transaction holds up every other writer.
        raise RoutingDataError(loading.problems.kept, loading.problems.more)
    loading.removed = {kind: tuple(dict.fromkeys(keys)) for kind, keys in remove.items() if keys}
    with store.transaction(what, who) as writing:
        allowed(writing)
        loading.write(writing, [])
        loading.end(writing, dry_run)
    return loading.report(not dry_run)
