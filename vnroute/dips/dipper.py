"""One question a number at a time, with a deadline, a cache and a breaker.

Nothing here makes a call wait longer than the deadline: it is decided then by what is known, on the
dialled number if that is nothing. A server that is dead is found out after a few calls, and from
then on none waits until a question, sent now and then without a call waiting for it, is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from vnroute.dips.answers import NOT_PORTED
from vnroute.dips.sources import DipFailed, Source, Told
from vnroute.settings import DipSettings

__all__ = ["GIVE_UP_SECONDS", "Dipper"]

GIVE_UP_SECONDS = 3.0
"""When an answer that is late is waited for no more, for later calls either."""
_FAILED_SECONDS = 5.0
_FAILURES = 5
_FIRST_SHUT, _LONGEST_SHUT = 1.0, 60.0
_MOST_QUESTIONS = 1000
_LEAST_TTL = 1.0


class _Question:
    """A number that is asked for, and the calls that wait for the answer."""

    __slots__ = ("calls", "is_trial", "judged", "number", "task", "timer")

    def __init__(self, number: int, is_trial: bool) -> None:
        self.number = number
        self.is_trial = is_trial
        self.judged = False
        self.calls: list[_Waiting] = []
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None


class _Waiting:
    """A call that waits for so many answers."""

    __slots__ = ("left", "then")

    def __init__(self, left: int, then: Callable[[], None]) -> None:
        self.left = left
        self.then = then

    def one_less(self) -> bool:
        """Note that one is there; return whether it was the last."""
        self.left -= 1
        return self.left == 0


class Dipper:
    """Asks a source for one worker's calls. ``found`` is what the matcher looks numbers up in.

    ``logger`` is told when the source is found dead, and when it is back.
    """

    def __init__(self, source: Source, settings: DipSettings, logger: Any) -> None:
        self.found: dict[int, tuple[int, float]] = {}
        self.asked = self.ported = self.not_ported = self.failed = self.late = self.skipped = 0
        self._source = source
        self._settings = settings
        self._logger = logger
        self._deadline = settings.deadline_ms / 1000
        self._questions: dict[int, _Question] = {}
        self._failures = 0
        self._shut_seconds = 0.0
        self._shut_until = 0.0
        self._is_tried = False

    @property
    def is_shut(self) -> bool:
        """Whether calls do not wait, since the source is dead."""
        return self._shut_seconds > 0.0

    def counts(self) -> dict[str, int]:
        """Return the counters by their names on a worker's page."""
        return {
            "dips_asked": self.asked,
            "dips_ported": self.ported,
            "dips_not_ported": self.not_ported,
            "dips_failed": self.failed,
            "dips_late": self.late,
            "dips_skipped": self.skipped,
            "dips_kept": len(self.found),
            "dips_shut": int(self.is_shut),
        }

    def ask(self, numbers: list[int], then: Callable[[], None]) -> bool:
        """Ask for numbers. Return whether it is worth waiting: ``then`` is called once, when all
        are known or the deadline has passed.
        """
        questions = set()
        for number in dict.fromkeys(numbers):
            question = self._questions.get(number) or self._begin(number)
            if question is not None and not question.judged and not question.is_trial:
                questions.add(question)
        if not questions:
            return False
        waiting = _Waiting(len(questions), then)
        for question in questions:
            question.calls.append(waiting)
        return True

    async def close(self) -> None:
        """Ask no more; calls that wait are answered."""
        for question in list(self._questions.values()):
            if question.task is not None:
                question.task.cancel()
            self._let_go(question)
        await self._source.close()

    def _begin(self, number: int) -> _Question | None:
        loop = asyncio.get_running_loop()
        if len(self._questions) >= _MOST_QUESTIONS or (
            self.is_shut and (self._is_tried or loop.time() < self._shut_until)
        ):
            self.skipped += 1
            return None
        self.asked += 1
        question = self._questions[number] = _Question(number, self.is_shut)
        self._is_tried = self._is_tried or question.is_trial
        question.timer = loop.call_later(self._deadline, self._overdue, question)
        question.task = loop.create_task(self._run(question))
        return question

    async def _run(self, question: _Question) -> None:
        why = ""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                told = await self._source.ask(question.number)
        except DipFailed as error:
            why = str(error)
        except TimeoutError:
            why = f"no answer for {GIVE_UP_SECONDS:g} seconds"
        except Exception as error:  # a library's own fault must not keep a call waiting
            self._logger.exception("a dip broke", error=repr(error))
            why = repr(error)
        finally:
            self._questions.pop(question.number, None)
        if why:
            self.failed += 1
            self._keep(question.number, Told(NOT_PORTED, _FAILED_SECONDS))
        else:
            self.ported += told.routing != NOT_PORTED
            self.not_ported += told.routing == NOT_PORTED
            self._keep_answer(question.number, told)
        if not question.judged:
            self._judge(question, not why, why)
        self._let_go(question)

    def _overdue(self, question: _Question) -> None:
        """Let the calls go on without; the answer, when it comes, is for later ones."""
        self.late += len(question.calls)
        self._keep(question.number, Told(NOT_PORTED, _FAILED_SECONDS))
        self._judge(question, False, f"no answer within {self._settings.deadline_ms} ms")
        self._let_go(question)

    def _let_go(self, question: _Question) -> None:
        if question.timer is not None:
            question.timer.cancel()
        calls, question.calls = question.calls, []
        for call in calls:
            if call.one_less():
                call.then()

    def _keep_answer(self, number: int, told: Told) -> None:
        settings = self._settings
        most = settings.ported_seconds if told.routing else settings.unported_seconds
        seconds = most if told.seconds is None else max(_LEAST_TTL, min(most, told.seconds))
        self._keep(number, Told(told.routing, seconds))

    def _keep(self, number: int, told: Told) -> None:
        self.found.pop(number, None)
        while len(self.found) >= self._settings.most_kept:
            del self.found[next(iter(self.found))]
        self.found[number] = (told.routing, time.time() + (told.seconds or 0.0))

    def _judge(self, question: _Question, well: bool, why: str) -> None:
        question.judged = True
        if question.is_trial:
            self._is_tried = False
        elif self.is_shut:
            return  # it was asked before
        if well:
            if self.is_shut:
                self._logger.info("dips answered again")
            self._failures, self._shut_seconds = 0, 0.0
            return
        self._failures += 1
        if self._failures < _FAILURES:
            return
        if not self.is_shut:
            self._logger.error("dips fail; calls wait for none", why=why)
        self._shut_seconds = min(_LONGEST_SHUT, 2 * self._shut_seconds or _FIRST_SHUT)
        self._shut_until = asyncio.get_running_loop().time() + self._shut_seconds
