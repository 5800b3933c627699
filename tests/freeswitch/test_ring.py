"""Every kind of ringing on the real switch, and the forms of caller-ID and targets around it.

The rows of ``tests/ringing_table.py`` are placed as real calls; the simulator runs the same ones.
Plans come from a canned server: it is FreeSWITCH's side that is pinned down here (docs/ringing.md).
"""

from __future__ import annotations

import collections
import contextlib
import re
import socket
import struct
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pytest

from tests.freeswitch.canned import headers, xferext
from tests.freeswitch.harness import (
    LOOPBACK,
    FreeSwitch,
    Gateway,
    SippCarrier,
    carrier_text,
    free_port,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.lab import RELAY, TARGET, Lab, channel, hunt
from tests.ringing_table import (
    EXPORTS,
    NUMBER,
    ROWS,
    Far,
    Row,
    causes,
    leg_uuid,
    lines,
    row_id,
)

pytestmark = pytest.mark.freeswitch

EXTERNAL = "external"
DOMAIN = "pbx.example"


class RingLab(Lab):
    """A lab whose switch has a second profile, with a directory of extensions behind it."""

    extensions = ("1001", "1002")

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        switch = FreeSwitch([self.server.node], self._all, **self._options)
        self.external_port = _add_external(switch, self.extensions)
        self._switch = self._stack.enter_context(switch)
        wait_until(
            "the second profile runs",
            lambda: switch.api("sofia status").count("RUNNING") > 1,
            20,
        )
        return self

    def register(self, extension: str, port: int) -> str:
        """Register an extension at a port of ours; return the answer's first line."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind((LOOPBACK, 0))
            phone.settimeout(5)
            mark = time.monotonic_ns()
            here = f"{LOOPBACK}:{phone.getsockname()[1]}"
            phone.sendto(
                "\r\n".join(
                    (
                        f"REGISTER sip:{LOOPBACK}:{self.external_port} SIP/2.0",
                        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{mark}",
                        f"From: <sip:{extension}@{DOMAIN}>;tag={mark}",
                        f"To: <sip:{extension}@{DOMAIN}>",
                        f"Call-ID: {mark}",
                        "CSeq: 1 REGISTER",
                        f"Contact: <sip:{extension}@{LOOPBACK}:{port}>",
                        "Expires: 600",
                        "Max-Forwards: 70",
                        "Content-Length: 0\r\n\r\n",
                    )
                ).encode(),
                (LOOPBACK, self.external_port),
            )
            return phone.recv(8000).decode().partition("\r\n")[0]


def _add_external(switch: FreeSwitch, extensions: Sequence[str]) -> int:
    """Give a switch that has not started a profile without carriers, and a directory."""
    port = free_port()
    settings = {
        "sip-ip": LOOPBACK,
        "rtp-ip": LOOPBACK,
        "sip-port": port,
        "dialplan": "XML",
        "context": "none",
        "accept-blind-reg": "true",
        "auth-calls": "false",
        "manage-presence": "false",
        "force-register-domain": DOMAIN,
        "inbound-codec-prefs": "PCMU",
        "outbound-codec-prefs": "PCMU",
        "inbound-late-negotiation": "true",
    }
    params = "".join(
        f'<param name="{name}" value="{value}"/>\n' for name, value in settings.items()
    )
    # A line that holds "<include>" is dropped whole by FreeSWITCH's preprocessor.
    (switch.conf / "sip_profiles" / "external.xml").write_text(
        f'<include>\n<profile name="{EXTERNAL}">\n<settings>\n{params}</settings>\n</profile>\n'
        "</include>\n"
    )
    dial = f"${{sofia_contact({EXTERNAL}/${{dialed_user}}@${{dialed_domain}})}}"
    users = "".join(
        f'<user id="{name}"><params><param name="dial-string" value="{dial}"/></params></user>\n'
        for name in extensions
    )
    (switch.conf / "directory" / "pbx.xml").write_text(
        f'<include>\n<domain name="{DOMAIN}"><groups><group name="all"><users>\n'
        f"{users}</users></group></groups></domain>\n</include>\n"
    )
    return port


@pytest.fixture(scope="module")
def lab() -> Iterator[RingLab]:
    with RingLab(gateways=320) as running:
        yield running


# -- phones ---------------------------------------------------------------------------------------


class ConfirmingCarrier(SippCarrier):
    """A phone with a keypad: it rings, answers, hears the prompt, presses a key or hangs up.

    SIPp speaks SIP; the sound and the keys (RFC 4733, 2.3) are ours, since SIPp's own way to send
    RTP needs raw sockets.
    """

    _SILENCE = frozenset((0xFF, 0x7F, 0xFE, 0x7E))

    def __init__(self, place: Gateway, far: Far) -> None:
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind((LOOPBACK, 0))
        self._rtp.settimeout(0.1)
        leaves = far.leaves is not None
        text = carrier_text(
            (0, 180), (far.after, 200), talk=far.leaves or 0.0, callee_hangs_up=leaves
        )
        text = text.replace("[media_port]", str(self._rtp.getsockname()[1]))
        super().__init__(place, text)
        self._far = far
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.heard = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join(5)
        self._rtp.close()
        super().__exit__(kind, error, trace)

    def _listen(self) -> None:
        """Count the packets with sound in them; press the key in time after the first."""
        began: float | None = None
        pressed = self._far.press is None
        peer: Any = None
        while not self._done.is_set():
            with contextlib.suppress(TimeoutError):
                packet, peer = self._rtp.recvfrom(2048)
                began = began or time.monotonic()
                self.heard += len(set(packet[12:]) - self._SILENCE) > 3
            waited = time.monotonic() - began if began is not None else 0.0
            if not pressed and self._far.press is not None and waited >= self._far.press:
                pressed = True
                self._press(peer)

    def _press(self, peer: Any) -> None:
        """Send one key as telephone events: five that go on, three that end it."""
        digit = "0123456789*#".index(self._far.key)
        for n in range(8):
            head = struct.pack("!BBHII", 0x80, 101 | (0x80 if n == 0 else 0), 500 + n, 8000, 77)
            ends = 0x80 if n > 4 else 0
            event = struct.pack("!BBH", digit, 10 | ends, 160 * min(n + 1, 6))
            self._rtp.sendto(head + event, peer)
            time.sleep(0.02)


class WatchedCarrier(SippCarrier):
    """A carrier that also writes down Diversion, History-Info and Max-Forwards."""

    @classmethod
    def answers(cls, place: str | Gateway) -> Self:
        """Answers at once."""
        return cls(place, cls._watch(carrier_text((0, 200))))

    @classmethod
    def rings(cls, place: str | Gateway, wait_ms: int = 120_000) -> Self:
        """Rings, and answers after so many milliseconds unless cancelled."""
        return cls(place, cls._watch(carrier_text((0, 180), (wait_ms / 1000, 200))))

    @staticmethod
    def _watch(scenario: str) -> str:
        read = "".join(
            f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'
            for header, name in (
                ("Diversion", "div"),
                ("History-Info", "his"),
                ("Max-Forwards", "mf"),
            )
        )
        line = '<log message="MORE|[timestamp]|[call_id]|[$div]|[$his]|[$mf]"/>'
        return scenario.replace('<log message="INVITE|', f'{read}{line}<log message="INVITE|', 1)

    def more(self) -> tuple[str, str, str]:
        """Return Diversion, History-Info and Max-Forwards of the first INVITE."""
        line = next(line for line in self.lines() if line[0] == "MORE")
        return line[3].strip(), line[4].strip(), line[5].strip()


def carrier(at: Gateway, far: Far) -> SippCarrier:
    """Return what stands behind a gateway, as the table has it."""
    if far.does == "is silent":
        return SippCarrier.silent(at)
    if far.does == "rings":
        return SippCarrier.rings(at)
    if far.does == "refuses":
        return SippCarrier.refuses(at, far.code)
    if far.does == "sends 183, refuses":
        return SippCarrier.early_media_then_refuses(at, round(far.after * 1000), far.code)
    if far.press is not None or far.leaves is not None:
        return ConfirmingCarrier(at, far)
    return SippCarrier.rings(at, round(far.after * 1000))


# -- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_ringing(lab: RingLab, row: Row, report: Callable[[str], None]) -> None:
    carriers = [carrier(lab.gateway(), far) for far in row.carriers]
    plan = lines(row, [one.name for one in carriers])
    complaints = len(lab.switch.complaints())
    give_up = {} if row.patience is None else {"give_up_ms": round(row.patience * 1000)}
    outcome = lab.call(plan, *carriers, **give_up)
    report(f"{outcome.code} after {outcome.seconds:.2f} s")
    assert outcome.code == row.code
    assert tuple(outcome.count(one) for one in carriers) == row.rung
    assert row.least - 0.1 <= outcome.seconds <= row.most + 0.3
    found = causes(lambda name: variable(outcome.record, name))
    if row.winner is not None:
        answered = variable(outcome.record, "last_bridge_to")
        assert answered is not None
        assert int(answered[:2], 16) == row.winner
    assert {at: found.get(at) for at in row.causes} == row.causes
    assert lab.switch.complaints()[complaints:] == []


# -- together: what a table of single calls does not show -----------------------------------------


def _together(lab: Lab, *names: str, ring: int = 6, more: Sequence[str] = ()) -> list[str]:
    branches = (
        f"[origination_uuid={leg_uuid(n)}]sofia/gateway/{name}/{TARGET}"
        for n, name in enumerate(names)
    )
    dial = f"<leg_timeout={ring},leg_progress_timeout=2>{':_:'.join(branches)}"
    return [channel(*EXPORTS, *more), "ring_ready", f"bridge {dial}", RELAY]


def test_caller_hears_ringing_at_once(lab: RingLab) -> None:
    phone = SippCarrier.rings(lab.gateway(), 800)
    outcome = lab.call(_together(lab, phone.name, "no-such"), phone)
    (call,) = outcome.placed.calls
    assert call.ringing is not None and call.ringing < 0.3
    phone = SippCarrier.rings(lab.gateway(), 800)
    plan = [line for line in _together(lab, phone.name, "no-such") if line != "ring_ready"]
    (call,) = lab.call(plan, phone).placed.calls
    assert call.ringing is None


def test_each_lost_leg_would_post_a_record_of_its_own(lab: RingLab) -> None:
    """Why ``process_cdr=false`` is exported: FreeSWITCH takes such a leg for an A leg."""
    first, second = SippCarrier.rings(lab.gateway(), 300), SippCarrier.rings(lab.gateway())
    lab.applications = [
        channel(),
        f"bridge sofia/gateway/{first.name}/1:_:sofia/gateway/{second.name}/1",
    ]
    before = len(lab.switch.cdrs())
    with first, second:
        assert place(lab.switch.address, [NUMBER]).code() == 200
        lab.switch.wait_idle()
        wait_until("both records", lambda: len(lab.switch.cdrs()) == before + 2, 5)
    ways = sorted(str(variable(record, "direction")) for record in lab.switch.cdrs()[before:])
    assert ways == ["inbound", "outbound"]


@pytest.mark.slow
def test_many_calls_leave_nothing(lab: RingLab, report: Callable[[str], None]) -> None:
    first, second = SippCarrier.rings(lab.gateway(), 300), SippCarrier.rings(lab.gateway())
    before = len(lab.switch.cdrs())
    lab.server.answer = lambda _: xferext(_together(lab, first.name, second.name))
    try:
        with first, second:
            placed = place(lab.switch.address, [NUMBER], calls=200, rate=20)
            lab.switch.wait_idle()
            wait_until("no channel listed", lambda: lab.switch.channels() == 0, 10)
            cancelled = second.cancelled()
    finally:
        lab.server.answer = lambda _: xferext(lab.applications)
    report(placed.summary())
    assert placed.codes() == collections.Counter({200: 200})
    assert cancelled == 200
    assert len(lab.switch.cdrs()) - before == 200


@pytest.mark.slow
def test_every_cause_is_told_before_the_plan_goes_on(lab: RingLab) -> None:
    busy, down, down_too = (SippCarrier.refuses(lab.gateway(), code) for code in (486, 503, 503))
    before = len(lab.switch.cdrs())

    def plan() -> list[str]:
        legs = [
            f"[origination_uuid={leg_uuid(n)}]sofia/gateway/{c.name}/1"
            for n, c in enumerate((busy, down, down_too))
        ]
        told = "${vn_c00};${vn_c01};${vn_c02};"
        return [
            channel(*EXPORTS),
            f"bridge <leg_timeout=6>{legs[0]}:_:{legs[1]}|{legs[2]}",
            RELAY.replace("${originate_causes};", f"${{originate_causes}};{told}"),
        ]

    lab.server.answer = lambda _: xferext(plan())
    try:
        with busy, down, down_too:
            placed = place(lab.switch.address, [NUMBER], calls=200, rate=20)
            lab.switch.wait_idle()
            wait_until("the records", lambda: len(lab.switch.cdrs()) == before + 200, 10)
    finally:
        lab.server.answer = lambda _: xferext(lab.applications)
    assert placed.codes() == collections.Counter({486: 200})
    found = [causes(lambda name, r=r: variable(r, name)) for r in lab.switch.cdrs()[before:]]  # type: ignore[misc]
    gone = "NORMAL_TEMPORARY_FAILURE"
    assert all(told == {0: "USER_BUSY", 1: gone, 2: gone} for told in found)


def test_prompt_is_heard(lab: RingLab) -> None:
    phone = ConfirmingCarrier(lab.gateway(), Far("answers", 0.2, press=1.0))
    row = next(row for row in ROWS if row.kind == "confirmed")
    plan = lines(row, [phone.name, "no-such"])
    assert lab.call(plan, phone).code == 200
    assert phone.heard > 10


# -- kinds of target ------------------------------------------------------------------------------


def test_sip_uri_and_user_at_a_gateway(lab: RingLab) -> None:
    first, second = SippCarrier.refuses(lab.gateway(), 503), SippCarrier.answers(lab.gateway())
    uri = f"sofia/{EXTERNAL}/ana@{LOOPBACK}:{first.port}"
    dial = f"{{leg_timeout=6,leg_progress_timeout=2}}{uri}|sofia/gateway/{second.name}/ana.b"
    outcome = lab.call([channel(), f"bridge {dial}", RELAY], first, second)
    assert outcome.code == 200
    dialled = [outcome.invites[c.name][0].dialled for c in (first, second)]
    assert dialled == ["ana", "ana.b"]


def test_extension_that_is_registered(lab: RingLab) -> None:
    phone = SippCarrier.rings(lab.gateway(), 300)
    assert lab.register("1001", phone.port) == "SIP/2.0 200 OK"
    uuid = leg_uuid(0)
    dial = f"{{leg_timeout=6,leg_progress_timeout=2,origination_uuid={uuid}}}user/1001@{DOMAIN}"
    outcome = lab.call([channel(), f"bridge {dial}", RELAY], phone)
    assert outcome.code == 200
    # An originate inside an originate: it lists its winner twice.
    listed = variable(outcome.record, "originate_causes")
    assert listed == f"ARRAY::{uuid};NONE|:{uuid};NONE"


def test_extension_rung_together_with_a_number(lab: RingLab) -> None:
    phone, other = SippCarrier.refuses(lab.gateway(), 486), SippCarrier.rings(lab.gateway(), 700)
    lab.register("1001", phone.port)
    plan = [
        channel(*EXPORTS),
        "ring_ready",
        f"bridge <leg_timeout=6>[origination_uuid={leg_uuid(0)}]user/1001@{DOMAIN}"
        f":_:[origination_uuid={leg_uuid(1)}]sofia/gateway/{other.name}/1",
        RELAY,
    ]
    outcome = lab.call(plan, phone, other)
    assert (outcome.code, outcome.count(phone), outcome.count(other)) == (200, 1, 1)
    assert variable(outcome.record, "vn_c00") == "USER_BUSY"


@pytest.mark.parametrize(
    ("extension", "cause"), [("1002", "USER_NOT_REGISTERED"), ("9999", "SUBSCRIBER_ABSENT")]
)
def test_extension_that_is_not_there(lab: RingLab, extension: str, cause: str) -> None:
    following = SippCarrier.answers(lab.gateway())
    plan = [channel(), f"bridge {{leg_timeout=6}}user/{extension}@{DOMAIN}", hunt(following), RELAY]
    outcome = lab.call(plan, following)
    assert outcome.code == 200
    assert outcome.seconds < 0.5
    assert variable(outcome.record, "originate_failed_cause") == cause
    assert outcome.causes == ["NONE"]


# -- whose number a leg shows ---------------------------------------------------------------------

CALLER = "+12125557777"
DID = f"origination_caller_id_number={NUMBER},origination_caller_id_name=Acme"
ANONYMOUS = "<sip:anonymous@anonymous.invalid>"
WITHHELD = {
    "numbers": [(NUMBER, "anonymous")],
    "display": "Anonymous",
    "headers": ["Privacy: id", f"P-Asserted-Identity: <sip:{CALLER}@carrier.example>"],
}
POLICIES = {
    "caller": ("", f'"Al" <sip:{CALLER}@>', f'"Al" <sip:{CALLER}@>', "none"),
    "did": (DID, f'"Acme" <sip:{NUMBER}@>', f'"Acme" <sip:{NUMBER}@>', "none"),
    "anonymous, trusted": (
        "origination_caller_id_name=Anonymous,origination_privacy=hide_name:hide_number:screen,"
        f"sip_invite_from_uri={ANONYMOUS}",
        f'"Anonymous" {ANONYMOUS}',
        f'"Anonymous" <sip:{CALLER}@>',
        "id",
    ),
    "anonymous": (
        "origination_caller_id_number=anonymous,origination_caller_id_name=Anonymous,"
        f"sip_cid_type=none,sip_invite_from_uri={ANONYMOUS}",
        f'"Anonymous" {ANONYMOUS}',
        "",
        "",
    ),
}


def _seen(carrier: SippCarrier) -> tuple[str, str, str]:
    """Return From, P-Asserted-Identity and Privacy of the INVITE, without hosts and tags."""
    (invite,) = carrier.invites()
    sender = re.sub(r"@[0-9.:]+", "@", invite.sender.partition(";tag")[0])
    return sender, re.sub(r"@[0-9.:]+", "@", invite.asserted), invite.privacy


@pytest.mark.parametrize("form", ["[],[]", "[]:_:[]"])
def test_each_leg_of_one_bridge_shows_its_own_number(lab: RingLab, form: str) -> None:
    phones = {
        name: SippCarrier.rings(lab.gateway(), 400 if name == "anonymous" else 5000)
        for name in POLICIES
    }
    legs = (
        (f"[{POLICIES[name][0]}]" if POLICIES[name][0] else "") + f"sofia/gateway/{phone.name}/1"
        for name, phone in phones.items()
    )
    variables, join = (EXPORTS, ":_:") if ":_:" in form else ((), ",")
    lab.applications = [
        channel(*variables, f"effective_caller_id_number={CALLER}", "effective_caller_id_name=Al"),
        f"bridge {join.join(legs)}",
    ]
    with contextlib.ExitStack() as stack:
        for phone in phones.values():
            stack.enter_context(phone)
        assert place(lab.switch.address, [(NUMBER, CALLER)], display="Al").code() == 200
        lab.switch.wait_idle()
        seen = {name: _seen(phone) for name, phone in phones.items()}
    assert seen == {name: policy[1:] for name, policy in POLICIES.items()}


@pytest.mark.parametrize(("more", "privacy"), [("", "id"), (",origination_privacy=screen", "none")])
def test_our_own_number_is_not_withheld_with_the_callers(
    lab: RingLab, more: str, privacy: str
) -> None:
    phone = WatchedCarrier.answers(lab.gateway())
    lab.applications = [channel(), f"bridge [{DID}{more}]sofia/gateway/{phone.name}/1"]
    with phone:
        place(lab.switch.address, **WITHHELD)  # type: ignore[arg-type]
        lab.switch.wait_idle()
        shown = f'"Acme" <sip:{NUMBER}@>'
        assert _seen(phone) == (shown, shown, privacy)


OURS = f"<sip:{NUMBER}@pbx.example>;reason=unconditional;counter=1"
THEIRS = "<sip:+1999@x>;reason=user-busy;counter=2"


@pytest.mark.parametrize(
    ("dial", "diversion", "history"),
    [
        (f"[sip_h_Diversion={OURS}]%s", OURS, ""),
        (f"{{sip_h_Diversion={OURS}}}%s", OURS, ""),
        (f"[sip_h_Diversion={OURS}\\,{THEIRS}]%s", f"{OURS},{THEIRS}", ""),
        (f"<leg_timeout=6>[sip_h_Diversion={OURS}]%s:_:error/GATEWAY_DOWN", OURS, ""),
        ("[sip_h_History-Info=<sip:a@b>;index=1]%s", "", "<sip:a@b>;index=1"),
        ("%s", "", ""),
    ],
)
def test_diversion(lab: RingLab, dial: str, diversion: str, history: str) -> None:
    phone = WatchedCarrier.answers(lab.gateway())
    lab.applications = [channel(), "bridge " + dial % f"sofia/gateway/{phone.name}/1"]
    with phone:
        placed = place(lab.switch.address, [NUMBER], headers=[f"Diversion: {THEIRS}"])
        lab.switch.wait_idle()
        assert placed.code() == 200
        assert phone.more()[:2] == (diversion, history)
    # What came is told to vnroute, and passed on to nobody unasked.
    assert headers(lab.server.calls[-1])["variable_sip_h_Diversion"] == THEIRS


@pytest.mark.parametrize(
    ("dial", "forwards"),
    [
        ("{leg_timeout=6}%s", "69"),
        ("<leg_timeout=6>%s:_:error/GATEWAY_DOWN", "70"),
        ("<max_forwards=12>%s:_:error/GATEWAY_DOWN", "12"),
    ],
)
def test_max_forwards(lab: RingLab, dial: str, forwards: str) -> None:
    """A branch begins anew at 70 unless it is told: a loop through it would never end."""
    phone = WatchedCarrier.answers(lab.gateway())
    lab.applications = [channel(), "bridge " + dial % f"sofia/gateway/{phone.name}/1"]
    with phone:
        place(lab.switch.address, [NUMBER])
        lab.switch.wait_idle()
        assert phone.more()[2] == forwards


# -- messages and refusals ------------------------------------------------------------------------

TONE = "playback tone_stream://%(500,0,440)"


@pytest.mark.parametrize(
    ("plan", "code", "least"),
    [
        ((TONE, "hangup UNALLOCATED_NUMBER"), 404, 0.5),
        (("pre_answer", TONE, "hangup USER_BUSY"), 486, 0.5),
        (("pre_answer", TONE, "respond 480 Closed"), 480, 0.5),
        (("pre_answer", "playback /no/such/file.wav", "hangup UNALLOCATED_NUMBER"), 404, 0.0),
        (("respond 486 Busy Here",), 486, 0.0),
        (("respond 410 Gone",), 410, 0.0),
        (("respond 500 Server Internal Error",), 500, 0.0),
        (("respond 607 Unwanted",), 607, 0.0),
    ],
)
def test_refusal_with_and_without_a_message(
    lab: RingLab, plan: tuple[str, ...], code: int, least: float
) -> None:
    outcome = lab.call([channel(), *plan])
    assert outcome.code == code
    assert least <= outcome.seconds < least + 0.7
    assert variable(outcome.record, "billsec") == "0"
    (call,) = outcome.placed.calls
    assert (call.ringing is not None) == any("playback" in line for line in plan)


def test_message_to_a_caller_who_was_answered(lab: RingLab) -> None:
    outcome = lab.call([channel(), "answer", TONE, "hangup NORMAL_CLEARING"], hold_ms=10_000)
    (call,) = outcome.placed.calls
    assert (call.code, call.bye_received) == (200, True)
