"""Errors as problem+json (RFC 9457), which point at the field that is wrong.

``errors`` lists each mistake: the ``field`` as a path into the request, what was ``found``
there and what is ``expected``. Titles are fixed, so that programs may tell problems by ``type``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import (
    ProblemDetailsConfig,
    ProblemDetailsException,
    ProblemDetailsPlugin,
)

from vnroute.model.problem import FieldError, Problem, RoutingDataError
from vnroute.store.base import StoreError

__all__ = ["Refused", "not_there", "plugin"]

_TITLES = {
    "malformed": "The request cannot be read",
    "unknown": "Nobody known asks",
    "forbidden": "Not with this role",
    "not-there": "There is nothing of that name",
    "stale": "It was changed meanwhile",
    "unguarded": "Say which state is to be changed",
    "exists": "It is there already",
    "unset": "A setting is missing",
    "refused": "The routing data is refused",
    "too-large": "Too much at once",
    "too-many": "Too many requests",
    "unavailable": "Not now",
    "failed": "vnroute failed; the log has the details",
}

_BY_STATUS = {
    400: "malformed", 401: "unknown", 403: "forbidden", 404: "not-there", 405: "malformed",
    406: "malformed", 409: "exists", 412: "stale", 413: "too-large", 415: "malformed",
    422: "refused", 428: "unguarded", 429: "too-many", 503: "unavailable",
}  # fmt: skip


class Refused(ProblemDetailsException):
    """A request that is refused: ``kind`` is one of the titles above, ``detail`` says why."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        *,
        kind: str = "",
        more: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        kind = kind or _BY_STATUS.get(status, "failed" if status >= 500 else "malformed")
        extra: dict[str, Any] = {}
        if errors:
            extra["errors"] = list(errors)
        if more:
            extra["more_errors"] = more
        super().__init__(
            status_code=status, detail=detail or _TITLES[kind], title=_TITLES[kind],
            type_=f"urn:vnroute:problem:{kind}", extra=extra, headers=headers,
        )  # fmt: skip


def not_there(what: str) -> Refused:
    """Return the answer for what is not there, or is another account's: the two look alike."""
    return Refused(404, f"{what} is not there")


def _error(field: str, found: str, expected: str) -> dict[str, str]:
    return {"field": field, "found": found, "expected": expected}


def _from_field(error: FieldError) -> Refused:
    return Refused(422, str(error), [_error(error.field, error.found, error.expected)])


def _shown(problem: Problem) -> dict[str, str]:
    return _error(problem.field, problem.found, problem.expected)


def _from_data(error: RoutingDataError) -> Refused:
    first = error.problems[0]
    count = len(error.problems) + error.more
    detail = f"{first.field}: found {first.found}, expected {first.expected}"
    if count > 1:
        detail += f"; and {count - 1} more"
    return Refused(422, detail, [_shown(problem) for problem in error.problems], more=error.more)


def _from_store(error: StoreError) -> Refused:
    return Refused(503, str(error), headers={"Retry-After": "5"})


def _from_http(error: HTTPException) -> ProblemDetailsException:
    if isinstance(error, ProblemDetailsException):
        return error
    errors = []
    if isinstance(error.extra, list):
        # What Litestar says of parameters.
        errors = [
            _error(str(each.get("key", "")), str(each.get("source", "")), str(each["message"]))
            for each in error.extra
            if isinstance(each, dict) and "message" in each
        ]
    detail = error.detail if error.status_code < 500 else ""
    return Refused(error.status_code, detail, errors, headers=error.headers)


def plugin() -> ProblemDetailsPlugin:
    """Return what turns every error of the application into problem+json."""
    handlers: dict[Any, Callable[[Any], ProblemDetailsException]] = {
        FieldError: _from_field,
        RoutingDataError: _from_data,
        StoreError: _from_store,
        HTTPException: _from_http,
        # Whatever else: litestar logs it; the answer tells nothing of our inside.
        Exception: lambda error: _logged(error),
    }
    return ProblemDetailsPlugin(ProblemDetailsConfig(exception_to_problem_detail_map=handlers))


def _logged(error: Exception) -> ProblemDetailsException:
    from vnroute import log

    log.get_logger(process="control").error(
        "a request failed", error=f"{type(error).__name__}: {error}", exc_info=error
    )
    return Refused(500)
