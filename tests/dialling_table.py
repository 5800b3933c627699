"""What carriers are told of a call: rows that a real FreeSWITCH and the simulator are held to.

Each DID has a plan that rings TARGET (and then SECOND) through carriers of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CALLER: Final = "+34911234567"
TARGET: Final = "442079460123"
SECOND: Final = "442079460999"
IDENTITY: Final = (
    "eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiJ9.eyJhdHRlc3QiOiJBIn0.c2lnbmF0dXJl_-"
    ";info=<https://cert.example:8443/p.crt>;alg=ES256;ppt=shaken"
)
WITHHELD: Final = (
    "Privacy: id",
    f"P-Asserted-Identity: <sip:{CALLER}@a.example>",
)

GATEWAYS: Final[Mapping[str, Sequence[str]]] = {
    "plain": ["{id: plain, gateway: gwPlain}"],
    "national": [
        '{id: nat, gateway: gwNat, format: "00{e164_digits}", formats: {"+44": "0{national}"},'
        ' caller_format: "00{e164_digits}", caller_formats: {"+34": "{national}"}}'
    ],
    "mangled": [
        '{id: tech, gateway: gwTech, format: "9011*{e164_digits}"}',
        '{id: cut, gateway: gwCut, format: "7{e164_digits:2}", headers: {X-Trunk: "a 1;b=2"}}',
        '{id: plus, gateway: gwPlus, format: "{e164}", codecs: [PCMA]}',
    ],
    "codecs": ["{id: codecs, gateway: gwCodecs, codecs: [PCMA, PCMU], asserted: rpid}"],
    "shows": [
        "{id: own, gateway: gwOwn, show: did, asserted: none}",
        '{id: fixed, gateway: gwFixed, show: "+442079460000", caller_format: "{e164_digits}"}',
        "{id: pass, gateway: gwPass}",
        "{id: anon, gateway: gwAnon, show: anonymous, asserted: rpid}",
    ],
    "trusted": [
        "{id: untrusted, gateway: gwUntrusted}",
        '{id: trusted, gateway: gwTrusted, trusted: true, caller_format: "{e164}"}',
    ],
    "diversion": [
        "{id: div, gateway: gwDiv, diversion: diversion}",
        "{id: div2, gateway: gwDiv2, diversion: diversion}",
    ],
    "history": ["{id: history, gateway: gwHistory, diversion: history-info}"],
    "hours": ["{id: hours, gateway: gwHours, diversion: diversion}"],
    "declines": ["{id: dec, gateway: gwDec}", "{id: dec2, gateway: gwDec2}"],
}
"""The gateways of each DID's carrier, in order."""

DID: Final = {name: f"+1800555{n:04}" for n, name in enumerate(GATEWAYS, 3000)}


def _routing() -> str:
    lines = ["accounts: [{id: acme}]", "schedules:"]
    lines.append('  - {id: always, time_zone: UTC, open: [{days: mon-sun, hours: "00:00-24:00"}]}')
    lines.append("carriers:")
    for name, gateways in GATEWAYS.items():
        hunt = ", hunt: {CALL_REJECTED: next}" if name == "declines" else ""
        lines.append(f"  - {{id: c-{name}, gateways: [{', '.join(gateways)}]{hunt}}}")
    # A carrier for each DID: by the number that its plan rings.
    lines.append("rates:")
    for n, name in enumerate(GATEWAYS):
        lines.append(f'  - {{prefix: "+{_target(n)}", carrier: c-{name}, rate: 0.01}}')
        lines.append(f'  - {{prefix: "+{_second(n)}", carrier: c-{name}, rate: 0.01}}')
    lines.append("plans:")
    for n, name in enumerate(GATEWAYS):
        when = "when: always, " if name == "hours" else ""
        steps = f'{{{when}ring: ["+{_target(n)}"], seconds: 5}}'
        if name == "diversion":
            steps += f', {{ring: ["+{_second(n)}"], seconds: 5}}'
        lines.append(f"  - {{id: {name}, account: acme, steps: [{steps}, {{hangup: relay}}]}}")
    lines.append("numbers:")
    for name, did in DID.items():
        lines.append(f'  - {{number: "{did}", account: acme, plan: {name}}}')
    return "\n".join(lines) + "\n"


def _target(n: int) -> str:
    return f"{TARGET[:-2]}{n:02}"


def _second(n: int) -> str:
    return f"{SECOND[:-2]}{n:02}"


ROUTING: Final = _routing()


def target(name: str) -> str:
    """Return the number that a DID's plan rings first."""
    return _target(list(GATEWAYS).index(name))


@dataclass(frozen=True)
class Row:
    """One call: what each gateway answers, and what it is told.

    ``told`` maps a gateway to the number dialled and patterns of headers; an empty pattern stands
    for a header that is not there.
    """

    name: str
    did: str
    carriers: tuple[tuple[str, str], ...]
    told: Mapping[str, Mapping[str, str]]
    lines: Sequence[str] = ()
    caller: str = CALLER
    code: int = 200
    trusted: tuple[str, ...] = field(default=())

    @property
    def number(self) -> str:
        """The number that is called."""
        return DID[self.did]


def row_id(row: Row) -> str:
    """Return a row's name, for pytest."""
    return row.name


_PAI, _RPID = "P-Asserted-Identity", "Remote-Party-ID"


def _sip(number: str) -> str:
    return f"<sip:{re.escape(number)}@"


ROWS: Final[Sequence[Row]] = (
    Row("as it came", "plain", (("gwPlain", "200 OK"),),
        {"gwPlain": {"dialled": target("plain"), "From": _sip(CALLER), _PAI: _sip(CALLER),
                     "Diversion": "", "History-Info": "", "Identity": ""}}),
    Row("national, dialled and shown", "national", (("gwNat", "200 OK"),),
        {"gwNat": {"dialled": f"0{target('national')[2:]}", "From": _sip("911234567"),
                   _PAI: _sip("911234567")}}),
    Row("complaint 11: each attempt from E.164 anew", "mangled",
        (("gwTech", "503 No"), ("gwCut", "503 No"), ("gwPlus", "200 OK")),
        {"gwTech": {"dialled": f"9011*{target('mangled')}", "X-Trunk": ""},
         "gwCut": {"dialled": f"7{target('mangled')[2:]}", "X-Trunk": "^a 1;b=2$"},
         "gwPlus": {"dialled": f"+{target('mangled')}", "X-Trunk": "",
                    "body": r"(?s)m=audio \d+ RTP/AVP 8 (?!0)"}}),
    Row("codecs in their order, Remote-Party-ID", "codecs", (("gwCodecs", "200 OK"),),
        {"gwCodecs": {"dialled": target("codecs"), _RPID: _sip(CALLER), _PAI: "",
                      "body": r"m=audio \d+ RTP/AVP 8 0"}}),
    Row("complaint 14: the carrier says whose number it takes", "shows",
        (("gwOwn", "503 No"), ("gwFixed", "503 No"), ("gwPass", "503 No"), ("gwAnon", "200 OK")),
        {"gwOwn": {"dialled": target("shows"), "From": _sip(DID["shows"]), _PAI: "", _RPID: "",
                   "Identity": ""},
         "gwFixed": {"dialled": target("shows"), "From": _sip("442079460000"),
                     _PAI: _sip("442079460000"), "Identity": ""},
         "gwPass": {"dialled": target("shows"), "From": _sip(CALLER), _PAI: _sip(CALLER),
                    "Identity": f"^{re.escape(IDENTITY)}$"},
         "gwAnon": {"dialled": target("shows"), "From": "anonymous@anonymous.invalid", _PAI: "",
                    _RPID: "", "Identity": ""}},
        lines=(f"Identity: {IDENTITY}",)),
    Row("Identity is passed on untouched", "plain", (("gwPlain", "200 OK"),),
        {"gwPlain": {"dialled": target("plain"), "Identity": f"^{re.escape(IDENTITY)}$"}},
        lines=(f"Identity: {IDENTITY}",)),
    Row("an Identity that is none is not", "plain", (("gwPlain", "200 OK"),),
        {"gwPlain": {"dialled": target("plain"), "Identity": ""}},
        lines=("Identity: a.b.c;info=<https://x/{y}>;alg=ES256",)),
    Row("withheld: the trusted one has it, with Privacy", "trusted",
        (("gwUntrusted", "503 No"), ("gwTrusted", "200 OK")),
        {"gwUntrusted": {"dialled": target("trusted"), "From": "anonymous@", _PAI: "anonymous@",
                         "Identity": ""},
         "gwTrusted": {"dialled": target("trusted"), "From": "anonymous@anonymous.invalid",
                       _PAI: _sip(CALLER), "Privacy": "id", "Identity": ""}},
        lines=(*WITHHELD, f"Identity: {IDENTITY}"), caller="anonymous", trusted=("gwTrusted",)),
    Row("diverted without a condition", "diversion", (("gwDiv", "200 OK"),),
        {"gwDiv": {"dialled": target("diversion"),
                   "Diversion": f"^{_sip(DID['diversion'])}[^>]*>"
                                ";reason=unconditional;counter=1$"}}),
    Row("the second carrier is told the same", "diversion",
        (("gwDiv", "503 No"), ("gwDiv2", "200 OK")),
        {"gwDiv": {"dialled": target("diversion"), "Diversion": "=unconditional;counter=4$"},
         "gwDiv2": {"dialled": target("diversion"), "Diversion": "=unconditional;counter=4$"}},
        lines=("Diversion: <sip:+14155550111@c.example>;reason=no-answer;counter=3",)),
    Row("by a schedule", "hours", (("gwHours", "200 OK"),),
        {"gwHours": {"dialled": target("hours"), "Diversion": "reason=time-of-day;counter=1$"}}),
    Row("History-Info", "history", (("gwHistory", "200 OK"),),
        {"gwHistory": {
            "dialled": target("history"), "Diversion": "",
            "History-Info": f"^{_sip(DID['history'])}[^>]*>;index=1, ?"
                            rf"<sip:\+{target('history')}@[^>]*;cause=302>;index=1\.1;mp=1$"}}),
    Row("603 of a carrier that means itself", "declines",
        (("gwDec", "603 No"), ("gwDec2", "200 OK")),
        {"gwDec": {"dialled": target("declines")}, "gwDec2": {"dialled": target("declines")}}),
)  # fmt: skip
