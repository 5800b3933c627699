"""So many calls at once to a number and an account: a real FreeSWITCH and the simulator.

``acme`` may have ten calls at once, its numbers as many, but ``PAIR`` two, whose callers beyond
hear busy, and ``DESK`` two, whose calls beyond the desk takes, behind the second gateway. ``QUICK``
of ``brisk`` takes two a second, ``WIDE`` of ``wide`` has a plan for calls beyond the account's two.
"""

from __future__ import annotations

PLAIN, PAIR, DESK, QUICK, WIDE, ALLOWED = (f"+1800555310{n}" for n in range(6))
MOST = 10
FRIEND = "442079460123"

ROUTING = f"""
accounts:
  - {{id: acme, screen: ten}}
  - {{id: brisk}}
  - {{id: wide, screen: to-desk}}
carriers:
  - {{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}
  - {{id: beta, gateways: [{{id: beta-1, gateway: gwB}}]}}
rates:
  - {{prefix: "+1212", carrier: alpha, rate: 0.01}}
  - {{prefix: "+1917", carrier: beta, rate: 0.01}}
lists:
  - {{id: friends, callers: ["+{FRIEND}"]}}
screens:
  - {{id: ten, rules: [{{limits: {{calls: {MOST}}}}}]}}
  - {{id: pair, rules: [{{limits: {{calls: 2}}, treat: USER_BUSY}}]}}
  - {{id: pair-of-friends, rules: [{{allow: friends}}, {{limits: {{calls: 2}}, treat: USER_BUSY}}]}}
  - {{id: desk, rules: [{{limits: {{calls: 2, cps: 50}}, treat: "plan:desk"}}]}}
  - {{id: quick, rules: [{{limits: {{cps: 2}}}}]}}
  - {{id: to-desk, rules: [{{limits: {{calls: 2}}, treat: "plan:wide-desk"}}]}}
plans:
  - {{id: main, account: acme, steps: [{{ring: ["+12125550101"]}}, {{hangup: relay}}]}}
  - {{id: desk, account: acme, steps: [{{ring: ["+19175550102"]}}, {{hangup: relay}}]}}
  - {{id: brisk, account: brisk, steps: [{{ring: ["+12125550101"]}}, {{hangup: relay}}]}}
  - {{id: wide, account: wide, steps: [{{ring: ["+12125550101"]}}, {{hangup: relay}}]}}
  - {{id: wide-desk, account: wide, steps: [{{ring: ["+19175550102"]}}, {{hangup: relay}}]}}
numbers:
  - {{number: "{PLAIN}", account: acme, plan: main}}
  - {{number: "{PAIR}", account: acme, plan: main, screen: pair}}
  - {{number: "{ALLOWED}", account: acme, plan: main, screen: pair-of-friends}}
  - {{number: "{DESK}", account: acme, plan: main, screen: desk}}
  - {{number: "{QUICK}", account: brisk, plan: brisk, screen: quick}}
  - {{number: "{WIDE}", account: wide, plan: wide}}
"""
