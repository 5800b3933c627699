"""Who is let through: cases that a real FreeSWITCH and the simulator run alike.

The callers' lists and screens are loaded as an operator does it; each case is a caller, as the
INVITE shows him, and what he hears. ``+1212…`` is behind gwA, ``+1917…`` behind gwB.
"""

from __future__ import annotations

from dataclasses import dataclass

DOOR, HIDDEN, HOUSE, COUNTED = (f"+1800555300{n}" for n in range(4))
FRIEND, NUISANCE, STRANGER = "442079460123", "442079460999", "34911234567"
CALLS, SECONDS = 3, 3

ROUTING = f"""
accounts: [{{id: acme}}, {{id: other, screen: quiet}}]
carriers:
  - {{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}
  - {{id: beta, gateways: [{{id: beta-1, gateway: gwB}}]}}
rates:
  - {{prefix: "+1212", carrier: alpha, rate: 0.01}}
  - {{prefix: "+1917", carrier: beta, rate: 0.01}}
lists:
  - {{id: friends, callers: ["+{FRIEND}"]}}
  - {{id: london, callers: ["+4420*"]}}
  - {{id: hidden, callers: [anonymous]}}
  - {{id: odd, callers: [no-valid-number]}}
  - {{id: imported}}
screens:
  - {{id: door, rules: [{{allow: friends}}, {{block: london}}]}}
  - id: quiet
    rules: [{{block: hidden, treat: USER_BUSY}}, {{block: odd, treat: UNALLOCATED_NUMBER}}]
  - {{id: counted, rules: [{{rate: {CALLS}/{SECONDS}, treat: USER_BUSY}}]}}
  - {{id: house, system: true, rules: [{{block: imported, treat: "plan:desk"}}]}}
plans:
  - {{id: main, account: acme, steps: [{{ring: ["+12125550101"]}}, {{hangup: relay}}]}}
  - {{id: desk, account: acme, steps: [{{ring: ["+19175550102"]}}, {{hangup: relay}}]}}
  - {{id: others, account: other, steps: [{{ring: ["+12125550101"]}}, {{hangup: relay}}]}}
numbers:
  - {{number: "{DOOR}", account: acme, plan: main, screen: door}}
  - {{number: "{HIDDEN}", account: acme, plan: main, screen: quiet}}
  - {{number: "{HOUSE}", account: acme, plan: main}}
  - {{number: "{COUNTED}", account: acme, plan: main, screen: counted}}
"""
IMPORTED = "caller,note\n+13055550177,complaints\n+1900*,premium\n"


@dataclass(frozen=True)
class Case:
    """A caller, a number, and the SIP code and carriers that follow; withheld by Privacy: id."""

    name: str
    number: str
    caller: str
    code: int
    rung: tuple[int, int]
    withheld: bool = False


CASES = (
    Case("allowed, though his prefix is blocked", DOOR, FRIEND, 200, (1, 0)),
    Case("blocked by prefix", DOOR, NUISANCE, 603, (0, 0)),
    Case("on no list", DOOR, STRANGER, 200, (1, 0)),
    Case("withheld, where that is blocked", HIDDEN, STRANGER, 486, (0, 0), withheld=True),
    Case("anonymous by name", HIDDEN, "anonymous", 486, (0, 0)),
    Case("no valid number", HIDDEN, "0207946012", 404, (0, 0)),
    Case("a number, where withholding is blocked", HIDDEN, NUISANCE, 200, (1, 0)),
    Case("withheld, where only a prefix is blocked", DOOR, NUISANCE, 200, (1, 0), withheld=True),
    Case("imported, for all numbers, to another plan", HOUSE, "13055550177", 200, (0, 1)),
    Case("by an imported prefix", HOUSE, "19005550100", 200, (0, 1)),
    Case("not imported", HOUSE, "13055550178", 200, (1, 0)),
)
