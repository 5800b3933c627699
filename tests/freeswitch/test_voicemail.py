"""Voicemail on the real switch: a greeting, a message, and the message in its mailbox."""

from __future__ import annotations

import contextlib
import math
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.freeswitch.canned import xferext
from tests.freeswitch.harness import SippCarrier, variable, wait_until
from tests.freeswitch.lab import Lab
from tests.freeswitch.raw_sip import RawCaller, Udp
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Number, Plan, Step

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

NUMBER = "+18005551234"
BOX = "100@voicemail.example"


class Speaker(Udp):
    """The sound of a caller: hears what comes, and hums (PCMU, RFC 3551)."""

    _SILENCE = frozenset((0xFF, 0x7F, 0xFE, 0x7E, 0xD5, 0x55))

    def __init__(self) -> None:
        super().__init__(timeout=0.02)
        self.heard = 0
        self.spoken = 0

    def _run(self) -> None:
        """One packet goes for each that comes, so that both keep the switch's time."""
        peer: tuple[str, int] | None = None
        while not self._end.is_set():
            with contextlib.suppress(TimeoutError):
                packet, peer = self._socket.recvfrom(2048)
                self.heard += len(set(packet[12:]) - self._SILENCE) > 3
            if peer is not None:
                head = bytes((0x80, 0)) + (self.spoken & 0xFFFF).to_bytes(2, "big")
                head += (160 * self.spoken).to_bytes(4, "big") + b"\x00\x00\x00\x07"
                # 400 Hz: 20 samples a turn, half of them above and half below nought.
                hum = bytes(0x90 if math.sin(n * math.pi / 10) >= 0 else 0x10 for n in range(160))
                self._socket.sendto(head + hum, peer)
                self.spoken += 1


def plan(directory: Path, *steps: Step) -> list[str]:
    """Return vnroute's own applications for these steps."""
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        plan_list=[Plan(id="p", account="a", steps=steps)],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
    )
    matcher = Matcher(compiled(routing, directory))
    reply = matcher.decide(channel_data(NUMBER[1:], "+34911234567"), MONDAY_NOON_IN_NEW_YORK)
    return [f"{name} {argument}".rstrip() for name, argument in applications_of(reply)]


def leave_message(lab: Lab, lines: list[str], seconds: float = 4.0) -> tuple[int, Speaker]:
    """Call, hear the greeting, talk for so long after it, hang up; return the caller's code."""
    lab.applications = lines
    lab.server.answer = lambda _: xferext(lab.applications)
    with (
        Speaker() as speaker,
        RawCaller(
            lab.switch.address, NUMBER, '"Ana" <sip:+34911234567@a>', media=speaker.port
        ) as caller,
    ):
        assert caller.final.wait(20)
        wait_until("the greeting", lambda: speaker.heard > 20, 20)
        said = speaker.spoken
        # The greeting's 1.7 s and the beep's 0.6 s are over before the message counts.
        wait_until("the message", lambda: speaker.spoken > said + 50 * (seconds + 2.5), 30)
        caller.hang_up()
        lab.switch.wait_idle()
    return caller.code, speaker


def messages(lab: Lab, box: str = BOX) -> int:
    """Return how many new messages a mailbox has, as mod_voicemail counts them."""
    return int(lab.switch.api(f"vm_boxcount {box}"))


def files(lab: Lab, box: str = BOX) -> list[Path]:
    """Return a mailbox' messages on disk."""
    user, _, domain = box.partition("@")
    folder = lab.switch.folder / "storage" / "voicemail" / "default" / domain / user
    return sorted(folder.glob("msg_*.wav"))


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


def test_a_message_is_left(lab: Lab, tmp_path: Path, report: Callable[[str], None]) -> None:
    before, there = messages(lab), set(files(lab))
    code, speaker = leave_message(lab, plan(tmp_path, Step(voicemail=BOX)))
    assert code == 200
    assert speaker.heard > 20
    assert messages(lab) == before + 1
    (new,) = set(files(lab)) - there
    report(f"{code}, {speaker.heard} packets of greeting, {seconds_of(new):.1f} s of message")
    assert seconds_of(new) > 2
    assert "+34911234567" in lab.switch.api(f"vm_list {BOX}")


def test_follow_me_ends_in_voicemail(
    lab: Lab, tmp_path: Path, report: Callable[[str], None]
) -> None:
    before = messages(lab)
    with (
        SippCarrier.refuses(lab.gateway(), 486) as busy,
        SippCarrier.rings(lab.gateway()) as rings,
    ):
        targets = tuple(f"gateway:{one.name}/1" for one in (busy, rings))
        lines = plan(tmp_path, Step(ring=targets, seconds=2), Step(voicemail=BOX))
        code, speaker = leave_message(lab, lines)
        report(f"{code} after busy and ringing out, {speaker.heard} packets of greeting")
        assert (code, busy.count(), rings.count()) == (200, 1, 1)
    assert messages(lab) == before + 1


def test_together_ends_in_voicemail(lab: Lab, tmp_path: Path) -> None:
    before = messages(lab)
    with (
        SippCarrier.refuses(lab.gateway(), 486) as busy,
        SippCarrier.refuses(lab.gateway(), 503) as fails,
    ):
        targets = tuple(f"gateway:{one.name}/1" for one in (busy, fails))
        lines = plan(tmp_path, Step(ring=targets, how="together"), Step(voicemail=BOX))
        assert leave_message(lab, lines)[0] == 200
    assert messages(lab) == before + 1


def test_who_hangs_up_in_the_greeting_leaves_none(lab: Lab, tmp_path: Path) -> None:
    before, there = messages(lab), files(lab)
    lab.applications = plan(tmp_path, Step(voicemail=BOX))
    with (
        Speaker() as speaker,
        RawCaller(lab.switch.address, NUMBER, "<sip:+34911234567@a>", media=speaker.port) as caller,
    ):
        assert caller.final.wait(20)
        wait_until("the greeting", lambda: speaker.heard > 5, 20)
        caller.hang_up()
        lab.switch.wait_idle()
    assert (messages(lab), files(lab)) == (before, there)


def test_a_mailbox_that_is_not_there(
    lab: Lab, tmp_path: Path, report: Callable[[str], None]
) -> None:
    lines = plan(tmp_path, Step(voicemail="999@voicemail.example"))
    outcome = lab.call(lines, hold_ms=20_000)
    (call,) = outcome.placed.calls
    cause = variable(outcome.record, "hangup_cause")
    report(f"{call.code}, hung up by the switch: {call.bye_received}, {cause}")
    assert (call.code, call.bye_received, cause) == (200, True, "NORMAL_CLEARING")
