"""Where a call would go, and why, as plain data: for the command line and for HTTP."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from vnroute.image.generations import PORTABILITY, current_image, overlay_path
from vnroute.image.layout import ImageError
from vnroute.image.state_page import PageError, StatePage
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import (
    NOTHING_SPOKEN,
    Explanation,
    ScheduleState,
    Service,
    Spoken,
    Step,
    Target,
    explain,
)
from vnroute.matcher.image import RouteImage
from vnroute.matcher.overlay import Overlay
from vnroute.matcher.upcoming import upcoming_answers
from vnroute.model.causes import CAUSES
from vnroute.model.e164 import MAX_DIGITS
from vnroute.model.problem import FieldError
from vnroute.portability.table import PortabilityTable
from vnroute.settings import Settings

if TYPE_CHECKING:
    from vnroute.compiler.schedule_tried import SettledRules, Tried
    from vnroute.store import Store

__all__ = ["Explainer", "NoImage", "Rules", "as_data", "read_caller", "read_number"]


_STORE_SECONDS = 5.0


class NoImage(Exception):
    """There is no route image, or one that cannot be read; the text says which."""


class Explainer:
    """Answers from the route image in force, opened anew when another is; for any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._seen: tuple[object, object] | None = None
        self._image: RouteImage | None = None
        self._matcher: Matcher | None = None
        self._overlay: Overlay | None = None
        self._overlay_seen: tuple[object, ...] = ()
        self._rules_lock = threading.Lock()
        self._settled: SettledRules | None = None
        self._store: Store | None = None
        self._store_at = 0.0
        self.warnings: list[str] = []
        """What the last answer left out, since it could not be read."""

    @property
    def is_ready(self) -> bool:
        """Whether the image in force is open: then an answer takes no longer than a call."""
        return self._matcher is not None and self._seen == self._in_force()

    def _in_force(self) -> tuple[Path | None, Path | None]:
        images = self._settings.images
        return current_image(images), current_image(images, PORTABILITY)

    def at(
        self,
        called: str,
        caller: str,
        at: datetime,
        seed: int | None = None,
        spoken: Spoken = NOTHING_SPOKEN,
    ) -> Explanation:
        """Return the answer at a moment. Raises :class:`NoImage`.

        With a ``seed`` whatever is left to chance (shares, where a rotation begins, the uuids of
        legs) is the same each time.
        """
        with self._lock:
            return explain(self._seeded(seed), called, caller, at.timestamp(), spoken)

    def changes(
        self,
        called: str,
        caller: str,
        at: datetime,
        days: int,
        seed: int | None = None,
        spoken: Spoken = NOTHING_SPOKEN,
    ) -> list[tuple[datetime, Explanation]]:
        """Return the answer at a moment, and each that differs from the one before, with when.

        Raises :class:`NoImage`.
        """
        now = at.timestamp()
        with self._lock:
            found = upcoming_answers(
                self._seeded(seed), called, caller, now, now + days * 86400, spoken
            )
            return [(datetime.fromtimestamp(when, at.tzinfo), answer) for when, answer in found]

    def rules(self, explanation: Explanation, at: datetime) -> Rules:
        """Return the rules of the schedules that were asked, as they were tried at a moment.

        By schedule and time zone. They stand in the store, and not in the image: left out is what
        the store does not have, and what was changed since so that it would say something else.
        """
        found = self._rules(explanation, at, wait=True)
        assert found is not None
        return found

    def rules_at_hand(self, explanation: Explanation, at: datetime) -> Rules | None:
        """Return the same where that takes no longer than to look it up, else None."""
        return self._rules(explanation, at, wait=False)

    def _rules(self, explanation: Explanation, at: datetime, *, wait: bool) -> Rules | None:
        from vnroute.store import StoreError

        asked = [one for one in explanation.schedules if ":" not in one.id and not one.set_by_hand]
        if not asked:
            return {}
        found: Rules = {}
        # Waited for in any case: whoever went into a thread instead would hold up the next.
        with self._rules_lock:
            if not wait and (self._settled is None or self._store is None):
                return None
            try:
                store = self._opened_store()
            except StoreError as error:
                self.warnings.append(f"{error}; shown without the rules of schedules")
                return {}
            for one in asked:
                document = store.entity("schedules", one.id)
                if document is None:
                    continue
                settled = self._settled_rules()
                if not wait and not settled.knows(document, one.time_zone, at.timestamp()):
                    return None
                rules = settled.tried(document, one.time_zone, at.timestamp())
                if rules and rules[-1].state == one.state:
                    found[one.id, one.time_zone] = rules
        return found

    def _settled_rules(self) -> SettledRules:
        if self._settled is None:
            # Time zones and holidays take a while to import.
            from vnroute.compiler.schedule_tried import SettledRules

            self._settled = SettledRules()
        return self._settled

    def _opened_store(self) -> Store:
        """Return the store; opened anew now and then, since another file may have its place."""
        from vnroute.store import open_store

        if self._store is None or time.monotonic() - self._store_at > _STORE_SECONDS:
            self._close_store()
            self._store = open_store(self._settings.store_address, create=False)
            self._store_at = time.monotonic()
        return self._store

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def close(self) -> None:
        """Let go of the store."""
        with self._rules_lock:
            self._close_store()

    def _seeded(self, seed: int | None) -> Matcher:
        """Return the matcher, or one of its own that draws as a seed says."""
        opened = self._opened()
        if seed is None:
            return opened
        made = Matcher(opened.image, opened.max_hops, seed)
        made.port(opened.portability)
        made.lay(opened.overlay)
        made.use_page(opened.page)
        return made

    def _opened(self) -> Matcher:
        path, ported = self._in_force()
        if path is None:
            raise NoImage(f"{self._settings.images}: no route image there; run vnroute compile")
        if self._matcher is None or self._image is None or self._seen != (path, ported):
            try:
                self._image = RouteImage(path)
                table = None if ported is None else PortabilityTable(ported)
            except (ImageError, OSError) as error:
                raise NoImage(str(error)) from error
            self._matcher = Matcher(self._image, self._settings.routing.max_hops)
            self._matcher.port(table)
            self._seen = (path, ported)
            self._overlay_seen = ()
        self.warnings.clear()
        self._matcher.lay(self._changed_numbers(self._image))
        self._matcher.use_page(self._page())
        return self._matcher

    def _changed_numbers(self, image: RouteImage) -> Overlay | None:
        """Return the numbers changed since the image, opened anew when they are others."""
        path = overlay_path(self._settings.images, image.generation)
        try:
            found = path.stat()
            seen = (path, found.st_ino, found.st_mtime_ns, found.st_size)
            if self._overlay is None or self._overlay_seen != seen:
                self._overlay, self._overlay_seen = Overlay(path, image), seen
            return self._overlay
        except FileNotFoundError:
            return None
        except (ImageError, OSError) as error:
            self.warnings.append(f"{error}; shown as if no number had been changed")
            return None

    def _page(self) -> StatePage | None:
        try:
            return StatePage.open(self._settings.state_page)
        except FileNotFoundError:
            return None
        except (PageError, OSError) as error:
            self.warnings.append(f"{error}; shown as if nothing were set")
            return None


Rules = dict[tuple[str, str], "tuple[Tried, ...]"]
"""The rules that were tried, the one that decided last, by schedule and time zone."""


def read_caller(text: str, field: str) -> str:
    """Return who calls: a number, ``anonymous`` or nothing. Raises FieldError for another."""
    return text if text in ("", "anonymous") else read_number(text, field)


def read_number(text: str, field: str) -> str:
    """Return a number as FreeSWITCH would report it; raise FieldError for what is none."""
    plain = text.translate(str.maketrans("", "", " .-()"))
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise FieldError(field, repr(text), 'digits, such as "+18005551234"')
    return plain


def as_data(explanation: Explanation, at: datetime, rules: Rules | None = None) -> dict[str, Any]:
    """Return a decision for JSON: field names that other programs may build on.

    ``rules`` are those that Explainer.rules tells of the schedules.
    """
    schedules = [
        _schedule_data(schedule, at, (rules or {}).get((schedule.id, schedule.time_zone), ()))
        for schedule in explanation.schedules
    ]
    refused = explanation.refused
    return {
        "generation": explanation.generation,
        "number": explanation.number,
        "at": at.isoformat(),
        "account": explanation.account,
        "plan": explanation.plan,
        "campaign": explanation.campaign,
        "service": explanation.service and _service_data(explanation.service, at),
        "screens": [
            {
                "screen": one.screen,
                "level": one.level,
                "does": one.does,
                "list": one.list or None,
                "matched": one.matched,
                "rate": one.said or None,
            }
            for one in explanation.screens
        ],
        "schedule": schedules[0] if schedules else None,
        "schedules": schedules,
        "overrides": [
            {
                "kind": each.kind,
                "id": each.id,
                "to": each.to,
                "until": each.until and datetime.fromtimestamp(each.until, at.tzinfo).isoformat(),
            }
            for each in explanation.diversions
        ],
        "conditions": [
            {
                "plan": asked.plan,
                "step": asked.step,
                "asks": asked.asks,
                "wanted": asked.wanted,
                "found": asked.found,
                "held": asked.held,
            }
            for asked in explanation.passed
        ],
        "steps": [_step_data(step) for step in explanation.steps],
        "applications": explanation.applications,
        "refused": refused
        and {
            "cause": refused.cause,
            "sip": CAUSES[refused.cause].sip,
            "why": refused.why,
            "outcome": refused.outcome,
        },
    }


def _service_data(service: Service, at: datetime) -> dict[str, Any]:
    return {
        "state": service.state,
        "from": _moment_data(service.since, at),
        "until": _moment_data(service.until, at),
        "out_of_service": service.reason,
        "treatment": service.treatment and f"plan:{service.treatment}",
    }


def _moment_data(second: int | None, at: datetime) -> str | None:
    return None if second is None else datetime.fromtimestamp(second, at.tzinfo).isoformat()


def _schedule_data(
    schedule: ScheduleState, at: datetime, rules: tuple[Tried, ...]
) -> dict[str, Any]:
    here = ZoneInfo(schedule.time_zone)
    until = schedule.until
    return {
        "id": schedule.id,
        "state": schedule.state,
        "time_zone": schedule.time_zone,
        "local_time": at.astimezone(here).isoformat(),
        "until": None if until is None else datetime.fromtimestamp(until, here).isoformat(),
        "within_horizon": schedule.within_horizon,
        "override": schedule.set_by_hand,
        "rules": [
            {
                "place": rule.place,
                "times": rule.words or None,
                "state": rule.state,
                "held": rule.held,
                "from": _moment_data(rule.since, at.astimezone(here)),
                "until": _moment_data(rule.until, at.astimezone(here)),
            }
            for rule in rules
        ],
    }


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "seconds": step.seconds,
        "targets": [_target_data(target) for target in step.targets],
        "cause": step.cause,
        "how": step.how if step.targets else None,
        "said": step.said,
    }


def _target_data(target: Target) -> dict[str, Any]:
    return {
        "to": target.to,
        "legs": [
            {
                "carrier": leg.carrier,
                "gateway": leg.gateway,
                "dial": leg.dial,
                "rate": None if leg.rate is None else float(leg.rate),
            }
            for leg in target.legs
        ],
        "blocked": target.blocked,
        "passed_over": [
            {
                "gateway": passed.gateway,
                "why": passed.why,
                "share": passed.share / 1000,
                "tried": passed.tried,
            }
            for passed in target.passed_over
        ],
        "considered": [
            {
                "carrier": one.carrier,
                "prefix": f"+{one.prefix}" if one.prefix else None,
                "rate": None if one.rate is None else float(one.rate),
                "share": one.share,
                "tried": one.reason is None,
                "reason": one.reason,
                "why": one.why or None,
            }
            for one in target.considered
        ],
        "seconds": target.seconds,
        "delay": target.delay,
        "share": target.share,
        "show": target.show,
        "confirm": target.confirm or None,
        "routing_number": target.routing_number or None,
        "jurisdiction": target.jurisdiction or None,
        "plan": target.plan,
        "steps": [_step_data(step) for step in target.steps],
    }
