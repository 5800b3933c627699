"""Watching for fraud: calls as they are stored, held against the rules, and what a hit does.

A thread with a connection of its own, so that rules hold up neither intake nor drain. It follows
the store by the ids of calls: each call is judged once, however often its record came, and after a
restart the rules have counted what they would have counted without it. Calls that are up are told
by their switches every few seconds, and count with what they have used so far.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vnroute.calls.base import CallStore
from vnroute.calls.rating import Rater, Tariff
from vnroute.calls.turns import Turns
from vnroute.calls.up import CallUp
from vnroute.calls.webhook import NotTaken, post_signed
from vnroute.fraud.engine import Engine, Hit, Spent
from vnroute.fraud.following import Following
from vnroute.fraud.memory import KeptHit, Memory, read_memory
from vnroute.fraud.rule_file import read_rules
from vnroute.live.overrides import overrides_in_force, set_override
from vnroute.live.page import fill_page, open_page
from vnroute.model import FieldError, RoutingDataError
from vnroute.model.blocked import block_id, prefixes_of_country
from vnroute.model.fraud import FraudRule, parse_span
from vnroute.model.override import Override
from vnroute.store import StoreError
from vnroute.store.base import Store

__all__ = ["FraudWatch", "hit_data", "put_block"]

_BATCH = 2000
_KEEP_SECONDS = 30.0
_HOOK_SECONDS = 10.0
_LONGEST_WAIT = 300.0
_HANG_UP_AGAIN_SECONDS = 30.0
_BY = "fraud rules"
HANG_UP_CAUSE = "OUTGOING_CALL_BARRED"
"""With what cause calls are hung up: the one that the next call gets, which the block refuses."""


def hit_data(kept: KeptHit) -> dict[str, Any]:
    """Return a hit for JSON."""
    hit = kept.hit
    return {
        "rule": hit.rule,
        "account": hit.account,
        "to": hit.to or None,
        "said": hit.said,
        "call": hit.uuid,
        "ended": _moment(hit.at / 1e6) if hit.call else None,
        "calls_up": hit.up,
        "seen": _moment(kept.seen),
        "then": hit.then,
        "did": kept.did,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def put_block(
    store: Store, page_path: Path, hit: Hit, rule: FraudRule, digits: str
) -> tuple[str, str]:
    """Block what a hit is against, in force with the next call; return what was done, and the block
    that is in force now, empty for none.

    A block that holds longer than this one would is left as it is.
    """
    to = hit.to
    if to and not to.startswith("+") and not digits.startswith(prefixes_of_country(to) or ("-",)):
        # The country shares its numbers' first digits with others: the number's own, then.
        to = f"+{digits[:7]}"
    now = datetime.now(UTC)
    until = now + timedelta(seconds=parse_span(rule.hold, "hold")) if rule.hold else None
    name = block_id(hit.account, to)
    is_new = not page_path.exists()
    page, why = open_page(page_path)
    if is_new or why:
        fill_page(page, store.overrides())
    for other in overrides_in_force(store, now):
        if (other.kind, other.id) == ("block", name) and (
            other.until is None or (until is not None and other.until >= until)
        ):
            return f"blocked already: {name}", name
    said = f"{rule.id}: {hit.said}" + (f" ({rule.reason})" if rule.reason else "")
    override = Override(
        kind="block", id=name, since=now, until=until, reason=said[:200], by=_BY,
    )  # fmt: skip
    try:
        set_override(store, page, override, who=_BY)
    except FieldError as error:
        return f"not blocked: {error}", ""
    return f"blocked: {name}" + (f" for {rule.hold}" if rule.hold else ""), name


class FraudWatch(Turns):
    """Holds the calls in the store that ``open_calls`` opens against the rules of a file.

    Blocks go to the store that ``open_routing`` opens (None where there is none yet) and the state
    page. ``memory`` is the file of hits; ``webhook`` is told of them, signed by ``secret_file``.
    """

    fails = "calls are not held against fraud rules"
    well = "calls are held against fraud rules again"
    expected = (StoreError, RoutingDataError, OSError, ValueError)

    def __init__(
        self,
        rules: Path,
        memory: Path,
        page: Path,
        open_calls: Callable[[], CallStore],
        open_routing: Callable[[], Store | None],
        logger: Any,
        webhook: str = "",
        secret_file: str = "",
    ) -> None:
        super().__init__("fraud", logger)
        self._rules_path, self._memory_path, self._page = rules, memory, page
        self._open_calls, self._open_routing = open_calls, open_routing
        self._hook = urlsplit(webhook) if webhook else None
        self._secret_file = Path(secret_file)
        self._store: CallStore | None = None
        self._follow: Following | None = None
        self._memory: Memory | None = None
        self._engine = Engine(())
        self._lock = threading.Lock()
        self._told_up: dict[str, tuple[float, tuple[CallUp, ...] | None]] = {}
        self._tariffs: dict[str, tuple[Tariff | None, Tariff | None]] = {}
        self._hang_up: Callable[[str, Sequence[str], str], None] | None = None
        self._hung_up: dict[str, float] = {}
        self.calls_up: dict[str, int | None] = {}
        """How many calls that are up count, by switch; None where they are not known."""
        self.hung_up = 0
        """Calls that switches were told to hang up, since this process began."""
        self.rules: dict[str, FraudRule] = {}
        self.judged = 0
        """Calls judged since this process began."""
        self.seconds = 0.0
        """What it took, reading included."""
        self.hits: dict[tuple[str, str], int] = {}
        """Hits by rule and what they do, since this process began."""
        self.waiting = 0
        """Calls stored and not judged yet, as of the last look."""
        self.hook_failing = ""
        """Why the webhook does not take hits now."""
        self._hook_again, self._hook_wait = 0.0, 1.0
        self._read_at: tuple[int, int] | None = None
        self._kept_at = 0.0

    def follow_switches(
        self, names: Sequence[str], hang_up: Callable[[str, Sequence[str], str], None]
    ) -> None:
        """Count calls that are up on switches, of which :meth:`take_calls_up` will be told;
        ``hang_up`` ends some: (switch, uuids, cause).
        """
        self.calls_up = dict.fromkeys(names)
        self._hang_up = hang_up

    @property
    def asks_for_calls_up(self) -> bool:
        """Whether any rule counts calls that are up, or hangs them up."""
        return self._engine.asks_for_calls_up

    def take_calls_up(self, switch: str, clock: float, calls: tuple[CallUp, ...] | None) -> None:
        """Hear of a switch's calls, and the moment by its own clock; from any thread."""
        with self._lock:
            self._told_up[switch] = (clock, calls)
        self.some.set()

    def failed(self, error: Exception, wait: float) -> float:
        """Begin anew: what was counted is counted again from the store, and what is up is told."""
        self._close()
        self.calls_up = dict.fromkeys(self.calls_up)
        return wait

    def ended(self) -> None:
        """Write what is known."""
        try:
            self._keep(force=True)
        except OSError as error:
            self._logger.error("what is known of fraud is not written", error=str(error))
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = self._follow = self._read_at = None

    def turn(self) -> bool:
        """Judge some calls; return whether there may be more."""
        if self._follow is None:
            self._store = self._open_calls()
            self._follow = Following(self._store)
        if self._memory is None:
            self._memory = read_memory(self._memory_path)
        follow, memory = self._follow, self._memory
        self._look_at_rules(follow, memory)
        last = follow.last()
        began, count = time.perf_counter(), 0
        found: list[tuple[Hit, str]] = []
        for call in follow.behind(memory.judged, most=_BATCH):
            found += [(hit, call.to) for hit in self._engine.feed(call)]
            memory.judged = call.id
            count += 1
        self.seconds += time.perf_counter() - began
        self.judged += count
        self.waiting = max(0, last - memory.judged)
        if found:
            self._act(found, memory)
        self._look_at_calls_up(follow, memory)
        self._keep()
        self._tell(memory)
        return count == _BATCH

    def _look_at_rules(self, follow: Following, memory: Memory) -> None:
        """Read the rules where they are new, and count what they ask of the past."""
        there = self._rules_path.stat()
        read_at = (there.st_mtime_ns, there.st_ino)
        if read_at == self._read_at:
            return
        rules = read_rules(self._rules_path)
        floors = {(rule, account, to): at for rule, account, to, at in memory.floors}
        engine = Engine(rules, floors, memory.used)
        if memory.judged < 0:
            # Never watched before: what is stored is what was usual, and breaks no rule.
            memory.judged = follow.last()
        began, count = time.perf_counter(), 0
        if engine.remembers:
            since = int((time.time() - engine.remembers) * 1e6)
            for call in follow.behind(0, since):
                if call.id > memory.judged or self._stop.is_set():
                    break
                engine.feed(call, judge=False)
                count += 1
        self._engine, self.rules = engine, {rule.id: rule for rule in rules}
        self._read_at = read_at
        self._logger.info("fraud rules", rules=len(rules), calls_looked_back_on=count,
                          seconds=round(time.perf_counter() - began, 2))  # fmt: skip

    def _look_at_calls_up(self, follow: Following, memory: Memory) -> None:
        """Judge the calls that switches have told of since the last look."""
        with self._lock:
            told, self._told_up = self._told_up, {}
        began = time.perf_counter()
        for switch, (clock, calls) in told.items():
            at = int(clock * 1e6)
            spent = None if calls is None else self._spent_so_far(follow, calls, clock)
            hits = self._engine.take_up(switch, at, spent)
            self.calls_up[switch] = None if calls is None else self._engine.calls_up[switch]
            if hits:
                to = {call.uuid: call.to for call in spent or ()}
                self._act([(hit, to[hit.uuid]) for hit in hits], memory)
        if told:
            self._hang_up_blocked(memory)
            self.seconds += time.perf_counter() - began

    def _spent_so_far(
        self, follow: Following, calls: Sequence[CallUp], clock: float
    ) -> list[Spent]:
        """Return what calls that are up have used, as their records would say it now."""
        assert self._store is not None
        tariffs: dict[str, tuple[Tariff | None, Tariff | None]] = {}
        rater = Rater(self._store) if self._engine.counts_money else None
        found = []
        for call in calls:
            talk_ms = max(0, int(clock * 1000) - call.bridged // 1000)
            made = Spent(0, call.uuid, call.account, int(clock * 1e6), True, talk_ms,
                         follow.digits(call.gateway, call.dialled))  # fmt: skip
            if rater is not None:
                both = self._tariffs.get(call.uuid) or rater.tariffs(call)
                tariffs[call.uuid] = both
                price, cost = (tariff(talk_ms) if tariff else None for tariff in both)
                if price is not None:
                    made = made._replace(price=price.units, price_currency=price.currency)
                if cost is not None:
                    made = made._replace(cost=cost.units, cost_currency=cost.currency)
            found.append(made)
        self._tariffs = tariffs
        return found

    def _hang_up_blocked(self, memory: Memory) -> None:
        """Have calls hung up that are up under blocks whose rules say so, as long as these hold.

        Again and again: a call that rang when its block fell is picked up later.
        """
        if not memory.hanging_up or self._hang_up is None:
            return
        routing = self._open_routing()
        if routing is None:
            return
        try:
            blocks = {one.id for one in overrides_in_force(routing, datetime.now(UTC))
                      if one.kind == "block"}  # fmt: skip
        finally:
            routing.close()
        memory.hanging_up = [one for one in memory.hanging_up if one[3] in blocks]
        now = time.monotonic()
        self._hung_up = {
            uuid: at for uuid, at in self._hung_up.items() if now - at < _HANG_UP_AGAIN_SECONDS
        }
        for rule, account, to, block in memory.hanging_up:
            for switch, uuids in self._engine.up(rule, account, to).items():
                due = [uuid for uuid in uuids if uuid not in self._hung_up]
                if due:
                    self._hang_up(switch, due, HANG_UP_CAUSE)
                    self._hung_up.update(dict.fromkeys(due, now))
                    self.hung_up += len(due)
                    self._logger.warning("calls hung up", rule=rule, block=block, switch=switch,
                                         calls=len(due))  # fmt: skip

    def _act(self, found: Sequence[tuple[Hit, str]], memory: Memory) -> None:
        """Do what the rules of hits say, and keep them; with each come the digits of its call."""
        routing = self._open_routing()
        kept = []
        try:
            for hit, digits in found:
                did, block = "told", ""
                if hit.then == "block":
                    did = "not blocked: no routing data"
                    rule = self.rules[hit.rule]
                    if routing is not None:
                        did, block = put_block(routing, self._page, hit, rule, digits)
                    if block and rule.hang_up:
                        against = (hit.rule, hit.account, hit.to, block)
                        memory.hanging_up = [*dict.fromkeys([*memory.hanging_up, against])]
                kept.append(KeptHit(hit=hit, seen=time.time(), did=did))
        finally:
            if routing is not None:
                routing.close()
        memory.floors = [(*key, at) for key, at in self._engine.floors().items()]
        memory.used = self._engine.used()
        for one in memory.add(kept):
            place = (one.hit.rule, one.hit.then)
            self.hits[place] = self.hits.get(place, 0) + 1
            self._logger.warning("fraud", **hit_data(one))
        self._keep(force=True)

    def _keep(self, force: bool = False) -> None:
        if self._memory is not None and (
            force or time.monotonic() - self._kept_at > _KEEP_SECONDS or not self._kept_at
        ):
            self._memory.write(self._memory_path)
            self._kept_at = time.monotonic()

    def _tell(self, memory: Memory) -> None:
        """Tell the webhook of hits, at least once; what it does not take waits."""
        if self._hook is None or time.monotonic() < self._hook_again:
            return
        untold = memory.untold()[:100]
        if not untold:
            return
        body = msgspec.json.encode({"hits": [hit_data(kept) for kept in untold]})
        try:
            post_signed(self._hook, self._secret_file, body, _HOOK_SECONDS)
        except (NotTaken, OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            if why != self.hook_failing:
                self._logger.error("the webhook does not take hits of fraud", error=why)
            self.hook_failing = why
            self._hook_again = time.monotonic() + self._hook_wait
            self._hook_wait = min(2 * self._hook_wait, _LONGEST_WAIT)
            return
        self.hook_failing, self._hook_wait = "", 1.0
        memory.told = max(memory.told, memory.dropped) + len(untold)
        self._keep(force=True)
