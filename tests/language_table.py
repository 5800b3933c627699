"""Who speaks what: cases that a real FreeSWITCH and the simulator run alike.

Steps for Spanish ring through gwA, those for Portuguese through gwB; who speaks neither, through
both. A case is a number, a caller, and his INVITE's Accept-Language.
"""

from __future__ import annotations

from dataclasses import dataclass

TONGUES, SPRING, AUTUMN = (f"+1800555310{n}" for n in range(3))
LONDON, MADRID, LISBON = "442079460123", "34911234567", "351211234567"

ROUTING = f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}
  - {{id: beta, gateways: [{{id: beta-1, gateway: gwB}}]}}
rates:
  - {{prefix: "+1212", carrier: alpha, rate: 0.01}}
  - {{prefix: "+1917", carrier: beta, rate: 0.01}}
plans:
  - id: tongues
    account: acme
    steps:
      - {{language: [es], ring: ["+12125550101"]}}
      - {{language: [pt], ring: ["+19175550102"]}}
      - {{hangup: USER_BUSY}}
  - id: campaigns
    account: acme
    steps:
      - {{campaign: [spring-26], ring: ["+12125550101"]}}
      - {{ring: ["+19175550102"]}}
      - {{hangup: relay}}
numbers:
  - {{number: "{TONGUES}", account: acme, plan: tongues}}
  - {{number: "{SPRING}", account: acme, plan: campaigns, campaign: spring-26}}
  - {{number: "{AUTUMN}", account: acme, plan: campaigns, campaign: autumn-26}}
"""


@dataclass(frozen=True)
class Case:
    """A call, and the SIP code and carriers that follow."""

    name: str
    number: str
    caller: str
    accept: str
    code: int
    rung: tuple[int, int]


CASES = (
    Case("says Spanish", TONGUES, LONDON, "es", 200, (1, 0)),
    Case("says Mexican Spanish", TONGUES, LONDON, "es-MX", 200, (1, 0)),
    Case("says Portuguese", TONGUES, LONDON, "pt-BR", 200, (0, 1)),
    Case("prefers Portuguese", TONGUES, LONDON, "es;q=0.3, pt;q=0.9", 200, (0, 1)),
    Case("as well as one another", TONGUES, LONDON, "pt;q=0.5, es;q=0.5", 200, (0, 1)),
    Case("knows Spanish besides", TONGUES, LONDON, "fr, de;q=0.8, es;q=0.2", 200, (1, 0)),
    Case("refuses Spanish", TONGUES, LONDON, "es;q=0, pt;q=0.001", 200, (0, 1)),
    Case("knows neither", TONGUES, MADRID, "fr, de;q=0.8", 486, (0, 0)),
    Case("says nothing, from Madrid", TONGUES, MADRID, "", 200, (1, 0)),
    Case("says nothing, from Lisbon", TONGUES, LISBON, "", 200, (0, 1)),
    Case("says nothing, from London", TONGUES, LONDON, "", 486, (0, 0)),
    Case("anything", TONGUES, MADRID, "*", 200, (1, 0)),
    Case("the campaign's number", SPRING, LONDON, "", 200, (1, 0)),
    Case("another campaign's", AUTUMN, LONDON, "", 200, (0, 1)),
)
