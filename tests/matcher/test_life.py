"""The life of a number: in service from and until, and what its callers get otherwise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.matcher.upcoming import upcoming_answers
from vnroute.model import Account, Answers, Carrier, Gateway, Number, Plan, Step

NEW_YORK = ZoneInfo("America/New_York")
NUMBER = "+18005551234"


def at(text: str, zone: str = "America/New_York") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


NOW = at("2026-12-01T12:00")


def matcher_of(directory: Path, *answers: Answers, named: str = "", **life: str) -> Matcher:
    number = Number(number=NUMBER, account="acme", plan="main", **life)  # type: ignore[arg-type]
    return Matcher(
        compiled(
            MemoryRouting(
                account_list=[
                    Account(id="acme", time_zone="America/New_York", answers=named),
                ],
                plan_list=[
                    Plan(
                        id="main",
                        account="acme",
                        steps=(Step(ring=("+12125550100",)), Step(hangup="USER_BUSY")),
                    ),
                    Plan(
                        id="desk",
                        account="acme",
                        steps=(Step(ring=("+12125550199",)), Step(hangup="relay")),
                    ),
                    Plan(
                        id="through",
                        account="acme",
                        steps=(Step(ring=(NUMBER, "+12125550177")), Step(hangup="NO_ANSWER")),
                    ),
                ],
                number_list=[
                    number,
                    Number(number="+18005550009", account="acme", plan="through"),
                ],
                carrier_list=[
                    Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway="gwA"),))
                ],
                answer_list=list(answers),
            ),
            directory,
        )
    )


def told(matcher: Matcher, now: float = NOW, number: str = NUMBER) -> list[tuple[str, str]]:
    return list(applications_of(matcher.decide(channel_data(number), now)))


@pytest.mark.parametrize(
    ("life", "outcome", "cause"),
    [
        ({}, None, None),
        ({"state": "suspended"}, "suspended", "INCOMING_CALL_BARRED"),
        ({"state": "reserved"}, "reserved", "UNALLOCATED_NUMBER"),
        ({"state": "quarantined", "until": "2027-03-01"}, "quarantined", "UNALLOCATED_NUMBER"),
        ({"state": "ported-out", "ported_to": "Beta Tel"}, "ported_out", "NUMBER_CHANGED"),
        ({"since": "2026-12-02"}, "not_yet", "UNALLOCATED_NUMBER"),
        ({"since": "2026-12-01"}, None, None),
        ({"since": "2026-12-01T12:00"}, None, None),
        ({"since": "2026-12-01T12:01"}, "not_yet", "UNALLOCATED_NUMBER"),
        ({"since": "2026-12-01T17:00Z"}, None, None),
        ({"since": "2026-12-01T17:00:01Z"}, "not_yet", "UNALLOCATED_NUMBER"),
        ({"until": "2026-12-01"}, None, None),
        ({"until": "2026-11-30"}, "expired", "UNALLOCATED_NUMBER"),
        ({"until": "2026-12-01T12:00"}, "expired", "UNALLOCATED_NUMBER"),
        ({"until": "2026-12-01T12:01"}, None, None),
        ({"until": "2026-12-01T18:00+01:00"}, "expired", "UNALLOCATED_NUMBER"),
        ({"state": "suspended", "until": "2026-11-30"}, "expired", "UNALLOCATED_NUMBER"),
        ({"state": "quarantined", "until": "2026-11-30"}, "expired", "UNALLOCATED_NUMBER"),
    ],
)
def test_each_reason_has_its_cause(
    life: dict[str, str], outcome: str | None, cause: str | None, tmp_path: Path
) -> None:
    matcher = matcher_of(tmp_path, **life)
    applications = told(matcher)
    explained = explain(matcher, NUMBER, "", NOW)
    assert explained.service is not None
    if outcome is None:
        assert applications[1][0] == "bridge"
        assert matcher.counts()["routed"] == 2
        assert explained.refused is None and explained.service.reason is None
        return
    assert applications[1:] == [("hangup", cause)]
    assert f";vn_refused={outcome}" in applications[0][1]
    assert "vn_account=acme;vn_plan=main" in applications[0][1]
    assert matcher.counts()[outcome] == 2
    assert explained.refused is not None
    assert (explained.refused.outcome, explained.refused.cause) == (outcome, cause)
    assert explained.service.reason == outcome.replace("_", "-")
    assert explained.steps == ()


def test_nothing_runs_at_the_moment_of_expiry_and_the_second_is_exact(tmp_path: Path) -> None:
    # The last of October's Sunday that has its small hours twice, in New York 1 November 2026.
    matcher = matcher_of(tmp_path, since="2026-03-08", until="2026-11-01")
    first, after = at("2026-03-08T00:00"), at("2026-11-02T00:00")
    assert after - first == 239 * 86400 + 3600 - 3600
    seen = [
        explain(matcher, NUMBER, "", moment).refused
        for moment in (first - 1, first, after - 1, after)
    ]
    assert [one and one.outcome for one in seen] == ["not_yet", None, None, "expired"]
    changes = [
        (moment, answer.refused and answer.refused.outcome)
        for moment, answer in upcoming_answers(matcher, NUMBER, "", first - 10, after + 10)
    ]
    assert changes == [(first - 10, "not_yet"), (first, None), (after, "expired")]


def test_a_forward_to_a_number_out_of_service_is_passed_over_when_its_time_has_come(
    tmp_path: Path,
) -> None:
    matcher = matcher_of(tmp_path, until="2026-12-01T12:00")
    rung = [
        [text.rpartition("/")[2] for name, text in told(matcher, moment, "+18005550009")
         if name == "bridge"]
        for moment in (NOW - 1, NOW)
    ]  # fmt: skip
    assert rung == [["12125550100", "12125550177"], ["12125550177"]]
    answers = upcoming_answers(matcher, "+18005550009", "", NOW - 60, NOW + 60)
    assert [moment for moment, _ in answers] == [NOW - 60, NOW]
    before, now = (
        explain(matcher, "+18005550009", "", moment).steps[0].targets for moment in (NOW - 1, NOW)
    )
    assert [target.to for target in before] == [NUMBER, "+12125550177"]
    assert [target.to for target in now] == ["+12125550177"]


def test_a_message_is_early_media_and_then_the_cause(tmp_path: Path) -> None:
    system = Answers(id="all", system=True, suspended="play:messages/suspended.wav")
    matcher = matcher_of(tmp_path, system, state="suspended")
    assert told(matcher)[1:] == [
        ("playback", "messages/suspended.wav"),
        ("hangup", "INCOMING_CALL_BARRED"),
    ]
    explained = explain(matcher, NUMBER, "", NOW)
    assert explained.refused is not None and explained.refused.cause == "INCOMING_CALL_BARRED"
    assert [(step.kind, step.said) for step in explained.steps] == [
        ("play", "messages/suspended.wav"),
        ("hangup", None),
    ]


def test_an_account_s_answers_win_over_the_system_s_reason_by_reason(tmp_path: Path) -> None:
    sets = (
        Answers(id="all", system=True, suspended="USER_BUSY", expired="NUMBER_CHANGED"),
        Answers(id="own", suspended="play:gone.wav NO_ANSWER"),
    )
    own = matcher_of(tmp_path, *sets, named="own", state="suspended")
    assert told(own)[1:] == [("playback", "gone.wav"), ("hangup", "NO_ANSWER")]
    others = matcher_of(tmp_path, *sets, state="suspended")
    assert told(others)[1:] == [("hangup", "USER_BUSY")]
    expired = matcher_of(tmp_path, *sets, named="own", until="2026-01-01")
    assert told(expired)[1:] == [("hangup", "NUMBER_CHANGED")]


def test_voicemail_and_a_plan_take_the_call_which_is_then_not_refused(tmp_path: Path) -> None:
    sets = Answers(id="all", system=True, suspended="voicemail:1001@pbx.example",
                   expired="plan:desk")  # fmt: skip
    suspended = matcher_of(tmp_path, sets, state="suspended")
    head, *rest = told(suspended)
    assert rest == [
        ("answer", ""),
        ("voicemail", "default pbx.example 1001"),
        ("hangup", "NORMAL_CLEARING"),
    ]
    assert ";vn_treated=suspended" in head[1] and "vn_refused" not in head[1]
    expired = matcher_of(tmp_path, sets, until="2026-01-01")
    head, bridge, hangup = told(expired)
    assert "vn_account=acme;vn_plan=desk;vn_treated=expired;" in head[1]
    assert "hangup_after_bridge=true" in head[1] and "vn_hops=1" in head[1]
    assert bridge[1].endswith("12125550199") and hangup[1].startswith("${regex(")
    explained = explain(expired, NUMBER, "", NOW)
    assert explained.service is not None and explained.service.treatment == "desk"
    assert explained.refused is None
    assert explained.steps[0].targets[0].to == "+12125550199"


STATES = st.sampled_from(["active", "suspended", "reserved", "quarantined", "ported-out"])
MINUTES = st.integers(0, 60 * 24 * 40)


def wall(minute: int) -> str:
    """A moment of the weeks around the change back to winter time, on New York's clock."""
    moment = datetime.fromtimestamp(at("2026-10-10T00:00") + 60 * minute, NEW_YORK)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{moment:%z}"[:22] + ":" + f"{moment:%z}"[3:]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(state=STATES, since=MINUTES, until=MINUTES, asked=st.lists(MINUTES, min_size=1, max_size=9))
def test_life_is_what_a_plain_reading_says(
    state: str, since: int, until: int, asked: list[int], tmp_path: Path
) -> None:
    since, until = min(since, until), max(since, until) + 1
    life = {"state": state, "since": wall(since), "until": wall(until)}
    matcher = matcher_of(tmp_path, **life)
    for minute in [*asked, since, until, since - 1, until - 1]:
        if minute < since:
            wanted = "not_yet"
        elif minute >= until:
            wanted = "expired"
        else:
            wanted = "" if state == "active" else state.replace("-", "_")
        reply = told(matcher, at("2026-10-10T00:00") + 60 * minute)[0][1]
        assert (f"vn_refused={wanted}" in reply) if wanted else ("vn_refused" not in reply)
