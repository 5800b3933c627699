"""``GET /route``: where a call would go, and why; what ``vnroute route`` prints."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from vnroute.access.identity import Identity
from vnroute.explaining import Explainer, NoImage, as_data, read_caller, read_number
from vnroute.matcher.explain import Spoken
from vnroute.model.moment import parse_moment
from vnroute.web.api.changes import Changes
from vnroute.web.api.entities import owner_of
from vnroute.web.api.problems import Refused, not_there

__all__ = ["route_handlers"]

_Number = Annotated[str, QueryParameter(max_length=40)]


def route_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handler."""
    # Each has a lock: a year of changes holds up no call that is explained meanwhile.
    one, many = Explainer(changes.settings), Explainer(changes.settings)

    @get("/route", tags=["route"], summary="Explain a call", operation_id="route")
    async def route(
        request: Request[Any, Any, Any],
        number: _Number = "",
        caller: _Number = "",
        at: _Number = "",
        language: _Number = "",
        accept_language: Annotated[str, QueryParameter(max_length=200)] = "",
        days: Annotated[int, QueryParameter(ge=0, le=366)] = 0,
    ) -> Response[dict[str, Any]]:
        """Return where a call of ``caller`` to ``number`` goes at a moment (ISO 8601), and why.

        ``answers`` begins with that; with ``days``, each answer that differs from the one before
        follows, ``at`` when it begins. ``language`` is what the caller chose, ``accept_language``
        what his phone sends. To one who is limited to an account its own numbers only,
        without carriers, and without what lies behind another account's numbers.
        """
        identity: Identity = request.user
        called, calling = read_number(number, "number"), read_caller(caller, "caller")
        moment = parse_moment(at, "at")
        spoken = Spoken(language, accept_language)
        explainer = many if days else one
        ask = partial(one.at, called, calling, moment, spoken=spoken)
        try:
            if days:
                found = await asyncio.to_thread(
                    many.changes, called, calling, moment, days, spoken=spoken
                )
            else:
                # Each way into a thread and back is a tenth of what the answer takes.
                answer = ask() if one.is_ready else await asyncio.to_thread(ask)
                found = [(moment, answer)]
        except NoImage as error:
            raise Refused(503, str(error)) from None
        rules = None if days else one.rules_at_hand(found[0][1], moment)
        if rules is not None:
            answers = [as_data(found[0][1], moment, rules)]
        else:
            answers = await asyncio.to_thread(
                lambda: [as_data(each, when, explainer.rules(each, when)) for when, each in found]
            )
        if identity.account:
            if answers[0]["account"] != identity.account:
                raise not_there(f"numbers/{number}")
            answers = await asyncio.to_thread(_Own(identity.account, changes).only, answers)
        told: dict[str, Any] = {"days": days, "answers": answers}
        if explainer.warnings:
            told["warning"] = "a part of what was changed since cannot be read: see vnroute route"
        return Response(told)

    return [route]


class _Own:
    """What an account may see of answers: its own."""

    def __init__(self, account: str, changes: Changes) -> None:
        self._account = account
        self._changes = changes
        self._known: dict[tuple[str, str], bool] = {}

    def only(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._answer(answer) for answer in answers]

    def _answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        schedules = [each for each in answer["schedules"] if self._is_own_schedule(each["id"])]
        return answer | {
            # Dial strings name gateways; lists of the system are the system's.
            "applications": [],
            "screens": [each for each in answer["screens"] if each["level"] != "system"],
            "conditions": [
                each for each in answer["conditions"] if self._sees("plans", each["plan"])
            ],
            "schedules": schedules,
            "schedule": schedules[0] if schedules else None,
            "steps": [self._step(step) for step in answer["steps"]],
        }

    def _step(self, step: dict[str, Any]) -> dict[str, Any]:
        return step | {"targets": [self._target(target) for target in step["targets"]]}

    def _target(self, target: dict[str, Any]) -> dict[str, Any]:
        plan = target["plan"]
        inside = not plan or self._sees("plans", plan)
        return target | {
            "legs": [],
            "passed_over": [],
            "routing_number": None,
            "jurisdiction": None,
            "plan": plan if inside else None,
            "steps": [self._step(step) for step in target["steps"]] if inside else [],
        }

    def _is_own_schedule(self, name: str) -> bool:
        kind, colon, key = name.partition(":")
        return (
            self._sees("persons", key)
            if colon and kind == "person"
            else self._sees("schedules", name)
        )

    def _sees(self, kind: str, key: str) -> bool:
        if (kind, key) not in self._known:
            store = self._changes.store()
            try:
                document = store.entity(kind, key)
            finally:
                store.close()
            whose = None if document is None else owner_of(kind, key, document)
            self._known[kind, key] = whose == self._account or (kind == "schedules" and whose == "")
        return self._known[kind, key]
