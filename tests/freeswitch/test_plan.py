"""The plan form on the real switch: what a caller hears, and whom FreeSWITCH calls for it.

Carriers are real SIP endpoints; the plan comes from a canned server. vnroute's own plans are
tested by test_main_job.py; here it is FreeSWITCH's side that is pinned down.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.freeswitch.canned import headers
from tests.freeswitch.harness import SippCarrier, variable
from tests.freeswitch.lab import NUMBER, RELAY, TARGET, Lab, channel, hunt

pytestmark = pytest.mark.freeswitch


def test_one_answer_of_three_applications_bridges_a_call(lab: Lab) -> None:
    carrier = SippCarrier.answers(lab.gateway())
    plan = [channel("vn_account=acme corp"), hunt(carrier), "hangup USER_BUSY"]
    outcome = lab.call(plan, carrier)
    assert outcome.code == 200
    assert [invite.dialled for invite in outcome.invites[carrier.name]] == [TARGET]
    assert variable(outcome.record, "vn_number") == NUMBER
    assert variable(outcome.record, "vn_account") == "acme corp"


def test_channel_data_is_one_block_with_the_dialled_number(lab: Lab) -> None:
    lab.call(["hangup UNALLOCATED_NUMBER"])
    data = headers(lab.server.calls[-1])
    assert data["Event-Name"] == "CHANNEL_DATA"
    assert data["Caller-Destination-Number"] == NUMBER
    assert data["Socket-Mode"] == "static"


@pytest.mark.parametrize("code", [503, 500, 502, 504, 404, 480, 408, 488])
def test_next_carrier_for_what_a_carrier_did(lab: Lab, code: int) -> None:
    first = SippCarrier.refuses(lab.gateway(), code)
    second = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(), hunt(first, second), RELAY], first, second)
    assert (outcome.code, outcome.count(first), outcome.count(second)) == (200, 1, 1)


@pytest.mark.parametrize(("code", "heard"), [(486, 486), (600, 486), (603, 603)])
def test_no_other_carrier_for_what_a_person_did(lab: Lab, code: int, heard: int) -> None:
    first = SippCarrier.refuses(lab.gateway(), code)
    second = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(), hunt(first, second), RELAY], first, second)
    assert (outcome.code, outcome.count(first), outcome.count(second)) == (heard, 1, 0)


def test_silent_carrier_is_passed_over_within_its_time(
    lab: Lab, report: Callable[[str], None]
) -> None:
    first = SippCarrier.silent(lab.gateway())
    second = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(), hunt(first, second, progress=2), RELAY], first, second)
    report(f"leg_progress_timeout=2 took {outcome.seconds:.2f} s")
    assert (outcome.code, outcome.count(second)) == (200, 1)
    assert outcome.causes == ["PROGRESS_TIMEOUT", "NONE"]
    # Whole seconds of the clock, compared by ">": N is between N and N + 1.
    assert 2.0 <= outcome.seconds < 3.3


def test_dead_port_costs_no_time(lab: Lab) -> None:
    first = SippCarrier.closed(lab.gateway())
    second = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(), hunt(first, second), RELAY], first, second)
    assert outcome.code == 200
    assert outcome.seconds < 1.0


def test_early_media_is_no_success(lab: Lab) -> None:
    first = SippCarrier.early_media_then_refuses(lab.gateway(), 300, 503)
    second = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(), hunt(first, second), RELAY], first, second)
    assert (outcome.code, outcome.count(second)) == (200, 1)


def test_ring_time_goes_on_to_the_next_target_not_the_next_carrier(lab: Lab) -> None:
    first = SippCarrier.rings(lab.gateway())
    second = SippCarrier.answers(lab.gateway())
    other = SippCarrier.answers(lab.gateway())
    plan = [channel(), hunt(first, second, ring=2), hunt(other), RELAY]
    outcome = lab.call(plan, first, second, other)
    assert outcome.code == 200
    assert (outcome.count(first), outcome.count(second), outcome.count(other)) == (1, 0, 1)
    assert 2.0 <= outcome.seconds < 3.3


def test_silence_then_ring_time_over_two_carriers(lab: Lab) -> None:
    first = SippCarrier.silent(lab.gateway())
    second = SippCarrier.rings(lab.gateway())
    third = SippCarrier.answers(lab.gateway())
    plan = [channel(), hunt(first, second, third, progress=1, ring=2), RELAY]
    outcome = lab.call(plan, first, second, third)
    assert outcome.code == 480
    assert outcome.causes == ["PROGRESS_TIMEOUT", "ALLOTTED_TIMEOUT"]
    assert outcome.count(third) == 0


def test_call_timeout_is_deaf_beside_a_stop_list(lab: Lab) -> None:
    """Why every leg has leg_timeout: FreeSWITCH never looks at call_timeout then."""
    carrier = SippCarrier.rings(lab.gateway(), 5000)
    outcome = lab.call([channel("call_timeout=1"), hunt(carrier, ring=20), RELAY], carrier)
    assert outcome.code == 200
    assert outcome.seconds > 4.5


@pytest.mark.parametrize(
    ("first_target", "second_target", "heard"),
    [
        ([486], [503, 503], 486),
        ([503], [486], 486),
        ([603], [486], 486),
        ([603], [503], 603),
        ([503, 603], [404], 603),
        ([503], [404], 404),
        ([404], [503, 500], 404),
        ([503, 500], [502], 503),
    ],
)
def test_caller_hears_the_cause_that_matters(
    lab: Lab, first_target: list[int], second_target: list[int], heard: int
) -> None:
    first = [SippCarrier.refuses(lab.gateway(), code) for code in first_target]
    second = [SippCarrier.refuses(lab.gateway(), code) for code in second_target]
    outcome = lab.call([channel(), hunt(*first), hunt(*second), RELAY], *first, *second)
    assert outcome.code == heard


def test_relay_without_any_leg_is_503(lab: Lab) -> None:
    plan = [channel(), f"bridge sofia/gateway/no-such/{TARGET}", RELAY]
    assert lab.call(plan).code == 503


def test_final_hangup_needs_ignore_remote_cause(lab: Lab) -> None:
    """Without it the last leg's own code reaches the caller, whatever the plan says."""
    carrier = SippCarrier.refuses(lab.gateway(), 486)
    plan = [channel(), hunt(carrier), "hangup NO_ANSWER"]
    assert lab.call(plan, carrier).code == 480
    carrier = SippCarrier.refuses(lab.gateway(), 486)
    plan = [channel("sip_ignore_remote_cause=false"), hunt(carrier), "hangup NO_ANSWER"]
    assert lab.call(plan, carrier).code == 486


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("UNALLOCATED_NUMBER", 404),
        ("INCOMING_CALL_BARRED", 403),
        ("OUTGOING_CALL_BARRED", 403),
        ("NO_ANSWER", 480),
        ("NO_USER_RESPONSE", 408),
        ("EXCHANGE_ROUTING_ERROR", 483),
        ("USER_BUSY", 486),
        ("NORMAL_TEMPORARY_FAILURE", 503),
        ("NORMAL_CIRCUIT_CONGESTION", 503),
        ("CALL_REJECTED", 603),
        ("NUMBER_CHANGED", 410),
        ("SERVICE_UNAVAILABLE", 480),
        ("NO_SUCH_CAUSE", 480),
    ],
)
def test_sip_code_of_a_cause(lab: Lab, cause: str, code: int) -> None:
    assert lab.call([f"hangup {cause}"]).code == code


def test_refusal_by_403_can_be_told_from_603(lab: Lab) -> None:
    """They are one cause; a guarded second bridge goes on after the one and not the other."""

    def plan(*carriers: SippCarrier) -> list[str]:
        rest = hunt(*carriers[1:]).removeprefix("bridge ")
        guard = f"'${{sip_invite_failure_status}}' == '403' ? {rest} : error/CALL_REJECTED"
        return [channel(), hunt(*carriers), f"bridge ${{cond({guard})}}", RELAY]

    for code, heard, expected in ((403, 200, 1), (603, 603, 0), (486, 486, 0)):
        first = SippCarrier.refuses(lab.gateway(), code)
        second = SippCarrier.answers(lab.gateway())
        outcome = lab.call(plan(first, second), first, second)
        assert (outcome.code, outcome.count(second)) == (heard, expected), code


def test_withheld_number_is_not_in_from(lab: Lab) -> None:
    asserted = "P-Asserted-Identity: <sip:+12125557777@carrier.example>"
    caller = [(NUMBER, "anonymous")]
    withheld = channel(
        "effective_caller_id_name=Anonymous",
        "effective_caller_id_number=+12125557777",
        "export_vars=sip_invite_from_uri",
        "sip_invite_from_uri=<sip:anonymous@anonymous.invalid>",
    )
    for first, leaks in ((channel(), True), (withheld, False)):
        carrier = SippCarrier.answers(lab.gateway())
        outcome = lab.call(
            [first, hunt(carrier), RELAY],
            carrier,
            numbers=caller,
            headers=["Privacy: id", asserted],
        )
        (invite,) = outcome.invites[carrier.name]
        assert ("+12125557777" in invite.sender) == leaks
        assert "+12125557777" in invite.asserted
        assert invite.privacy == "id"


def test_caller_name_and_number_of_the_plan_reach_the_carrier(lab: Lab) -> None:
    carrier = SippCarrier.answers(lab.gateway())
    first = channel("effective_caller_id_name=Acme", "effective_caller_id_number=+12125550199")
    outcome = lab.call([first, hunt(carrier), RELAY], carrier)
    (invite,) = outcome.invites[carrier.name]
    assert invite.sender.startswith('"Acme" <sip:+12125550199@')
    assert invite.asserted.startswith('"Acme" <sip:+12125550199@')


def test_leg_timers_set_once_for_all_bridges(lab: Lab) -> None:
    first = SippCarrier.silent(lab.gateway())
    second = SippCarrier.answers(lab.gateway())
    timers = "export_vars=leg_timeout,leg_progress_timeout;leg_timeout=6;leg_progress_timeout=1"
    dials = "|".join(f"sofia/gateway/{c.name}/{TARGET}" for c in (first, second))
    outcome = lab.call([channel(timers), f"bridge {dials}", RELAY], first, second)
    assert outcome.causes == ["PROGRESS_TIMEOUT", "NONE"]
    assert outcome.seconds < 2.3


@pytest.mark.parametrize("size", [2_000, 16_000, 64_000])
def test_a_long_line_arrives_whole(lab: Lab, size: int) -> None:
    carrier = SippCarrier.answers(lab.gateway())
    outcome = lab.call([channel(f"vn_pad={'x' * size}"), hunt(carrier), RELAY], carrier)
    assert outcome.code == 200
    assert variable(outcome.record, "vn_pad") == "x" * size


@pytest.mark.parametrize(("groups", "code"), [(128, 200), (129, 503)])
def test_128_alternatives_and_no_more(lab: Lab, groups: int, code: int) -> None:
    carrier = SippCarrier.answers(lab.gateway())
    dials = ["error/GATEWAY_DOWN"] * (groups - 1) + [f"sofia/gateway/{carrier.name}/{TARGET}"]
    outcome = lab.call([channel(), f"bridge {'|'.join(dials)}", RELAY], carrier)
    assert outcome.code == code


def test_caller_who_hangs_up_leaves_nothing(lab: Lab) -> None:
    carrier = SippCarrier.rings(lab.gateway())
    outcome = lab.call([channel(), hunt(carrier, ring=20), RELAY], carrier, give_up_ms=1500)
    assert outcome.code is None
    assert outcome.causes == ["ORIGINATOR_CANCEL"]
