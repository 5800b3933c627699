"""A home with accounts, plans, schedules, carriers, and calls of a few days."""

from __future__ import annotations

import random
import time
import uuid

from tests.calls.support import record
from tests.web.support import Home

__all__ = ["EVIL", "ROUTES", "fill"]

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
"""What a caller may be called."""

ROUTES = """\
accounts:
  - {id: acme, name: Acme Inc., time_zone: America/New_York, trust_ani: true}
  - {id: globex, time_zone: Europe/Madrid}
lists:
  - {id: nuisance, callers: ["+1900*", "+1809*"]}
  - {id: family, callers: ["+442079460123", "+34911234567"]}
screens:
  - {id: house, system: true, rules: [{block: nuisance}, {rate: 20/60, treat: USER_BUSY}]}
  - id: quiet
    rules:
      - {block: nuisance, treat: "play:messages/no.wav"}
      - {allow: family}
      - {limits: {calls: 30, cps: 5}, treat: "voicemail:1001@pbx.example"}
policies:
  - id: strict
    hunt: {404: next, CALL_REJECTED: next, 503: stop}
    advance: {USER_BUSY: stop}
    relay: [USER_BUSY, NO_ANSWER, UNALLOCATED_NUMBER]
    max_attempts: 3
    total_seconds: 60
  - {id: patient, progress_seconds: 12}
blocks:
  - {block: "+1800556xxxx", account: acme, plan: acme-sales, campaign: spring-26, screen: quiet}
  - {block: "+18005560100-+18005560149", account: acme, plan: acme-main}
  - {prefix: "+3491200", account: globex, plan: globex-main, state: reserved}
schedules:
  - id: office-hours
    account: acme
    time_zone: America/New_York
    exceptions:
      - {yearly: 12-24..12-26, state: closed}
    rules:
      - {holidays: US, state: holiday}
      - {days: mon-fri, hours: "12:00-13:00", state: lunch}
      - {days: mon-fri, hours: "09:00-17:00", state: open}
      - {days: sat, hours: "10:00-14:00", state: open}
      - {hours: "22:00-06:00", state: night}
  - id: weekend-desk
    time_zone: Europe/Madrid
    open: [{days: sat-sun, hours: "10:00-14:00"}]
persons:
  - id: eva
    account: acme
    name: Eva Alvarez
    places:
      desk: {to: "user:1001@pbx.example", seconds: 12}
      mobile: {to: "+19175550188", confirm: "1"}
      voicemail: "plan:eva-voicemail"
    place: desk
    phones: ["+19175550188", "+12125550188"]
  - id: tom
    account: globex
    name: Tom Keller
    places: {open: "+34911234570", closed: "+34611234570", night: "+34611234570"}
    schedule: weekend-desk
plans:
  - {id: eva, account: acme, steps: [{ring: ["person:eva"]}, {hangup: relay}]}
  - id: eva-is-out
    account: acme
    steps: [{here: {person: eva, at: mobile, until: "18:00"}}, {hangup: INCOMING_CALL_BARRED}]
  - {id: eva-voicemail, account: acme, steps: [{voicemail: 1001@pbx.example}]}
  - id: acme-main
    account: acme
    steps:
      - {when: office-hours, ring: ["+12125550100", "+12125550101"], how: together, seconds: 20}
      - {when: office-hours, is: night, ring: ["+13105550177"], seconds: 30}
      - {ring: ["+19175550123"], seconds: 25}
      - {hangup: USER_BUSY}
  - {id: acme-sales, account: acme, steps: [{ring: ["+13125550140"]}, {hangup: relay}]}
  - {id: globex-main, account: globex, steps: [{ring: ["+34911234567"]}, {hangup: relay}]}
numbers:
  - {number: "+18005551234", account: acme, plan: acme-main, campaign: spring-26}
  - {number: "+18005551235", account: acme, plan: acme-sales, campaign: radio-ny}
  - {number: "+18005551236", account: acme, plan: acme-main, campaign: metro-posters}
  - {number: "+18005551240", account: acme, plan: eva}
  - {number: "+18005551241", account: acme, plan: eva-is-out}
  - {number: "+34911000001", account: globex, plan: globex-main, campaign: otono-26}
carriers:
  - id: alpha
    gateways: [{id: alpha-1, gateway: gwA}, {id: alpha-2, gateway: gwA2, progress_seconds: 8}]
  - {id: beta, gateways: [{id: beta-1, gateway: gwB, format: "{e164}"}]}
rates:
  - {prefix: "+1", carrier: alpha, rate: "0.0045", destination: North America}
  - {prefix: "+1", carrier: beta, rate: "0.0061", destination: North America}
  - {prefix: "+34", carrier: beta, rate: "0.0090", destination: Spain}
"""

_CALLERS = {
    "+1212555": 26, "+1310555": 14, "+4420794": 9, "+3491123": 8, "+4930123": 6, "+3314567": 5,
    "+5511912": 7, "+5255123": 6, "+9122123": 5, "+8131234": 3, "+6129876": 3, "+2711234": 2,
    "+2348012": 2, "+656123": 1, "+3531234": 1,
}  # fmt: skip
_NUMBERS = {
    "+18005551234": ("spring-26", "acme", 5),
    "+18005551235": ("radio-ny", "acme", 3),
    "+18005551236": ("metro-posters", "acme", 2),
    "+34911000001": ("otono-26", "globex", 2),
}
_LEGS = (
    (((0, "NONE"),), "", 12),
    (((0, "NORMAL_TEMPORARY_FAILURE"), (1, "NONE")), "", 3),
    (((0, "USER_BUSY"),), "USER_BUSY", 3),
    (((0, "NO_ANSWER"),), "NO_ANSWER", 4),
    (((0, "NORMAL_TEMPORARY_FAILURE"), (1, "GATEWAY_DOWN")), "NORMAL_TEMPORARY_FAILURE", 1),
)


def _records(count: int, days: int) -> list[bytes]:
    dice = random.Random(26)
    made: list[tuple[float, bytes]] = []
    for _ in range(count):
        number = dice.choices(list(_NUMBERS), [weight for *_, weight in _NUMBERS.values()])[0]
        campaign, account, _ = _NUMBERS[number]
        legs, cause, _ = dice.choices(_LEGS, [weight for *_, weight in _LEGS])[0]
        prefix = dice.choices(list(_CALLERS), list(_CALLERS.values()))[0]
        back = dice.randrange(days) * 86400 + dice.gauss(5 * 3600, 3 * 3600)
        started = time.time() - abs(back) - 100
        made.append((started,
            record(
                call=str(uuid.UUID(int=dice.getrandbits(128), version=4)), number=number,
                caller=prefix + f"{dice.randrange(300):04d}"[: 12 - len(prefix)],
                name=dice.choice(["Ana", "Office", "", "J. Doe"]), campaign=campaign,
                account=account, legs=legs, cause=cause, talk=round(dice.expovariate(1 / 90), 1),
                started=started,
            ))
        )  # fmt: skip
    return [each for _, each in sorted(made)]


RULES = """\
rules:
  - {id: long, minutes: 20, window: 31d, by: country, accounts: [acme]}
  - {id: pumping, calls: 3, window: 31d, by: number, accounts: [globex]}
  - {id: dear, spend: 50 EUR, to: ["+4470", "+881"], by: range, then: block, hold: 2h,
     hang_up: true, reason: ask the account first}
  - {id: new-country, first: true, history: 30d, least: 100}
  - {id: odd-share, share: 40, least: 80}
"""


def fill(home: Home, *, calls: int = 150, days: int = 6) -> None:
    """Load the routing data, serve it, post the calls, and let some calls come in."""
    rules = home.path.parent / "fraud.yaml"
    rules.write_text(RULES)
    home.environment["VNROUTE_FRAUD_RULES"] = str(rules)
    home.load(ROUTES)
    home.serve()
    # What is stored before it is watched breaks no rule.
    home.until(lambda: 'vnroute_fraud_hits_total{rule="long"' in home.get("/metrics")[1])
    ladder = (
        (0, "NORMAL_TEMPORARY_FAILURE"), (1, "RECOVERY_ON_TIMER_EXPIRE"), (2, "NONE"),
    )  # fmt: skip
    first = record(gateways="alpha-1,alpha-2,beta-1", legs=ladder, talk=75, caller="+12125550188")
    # A call of three legs comes first, so its id is 1.
    home.until(lambda: home.post(first)[0] == 200)
    for each in _records(calls, days):
        assert home.post(each)[0] == 200
    assert home.post(record(name=EVIL))[0] == 200
    home.until(lambda: _stored(home) > calls)
    _by_hand(home)
    for number in ("18005551234", "18005551235", "18005559999"):
        home.call(number)


def _by_hand(home: Home) -> None:
    """Put callers on a list, and set things by hand."""
    add = [f"+1646555{n:04d}" for n in range(0, 1200, 17)] + ["+44870*"]
    assert home.post_json("/api/v1/lists/nuisance/callers", {"add": add})[0] == 200
    for path, body in (
        ("schedule/weekend-desk", {"state": "open", "until": "2d", "reason": "trade fair"}),
        ("person/eva", {"state": "mobile", "until": "2d", "reason": "at the fair"}),
        ("number/+34911000001", {"to": "+34911234599", "until": "3d", "reason": "office moves"}),
        ("block/globex:+4470", {"until": "1d", "reason": "rule dear: 52.10 EUR in an hour"}),
    ):
        assert home.put_json(f"/api/v1/overrides/{path}", body)[0] == 200


def _stored(home: Home) -> int:
    status, told = home.get("/api/v1/calls?limit=1000")
    return len(told["calls"]) if status == 200 else 0
