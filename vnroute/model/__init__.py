"""vnroute's vocabulary: accounts, numbers, schedules, plans, carriers, rates, and their notations.

Every notation that a person or a machine writes is read here, once, and refused here with a
pointed error. Nothing here knows about files, stores or FreeSWITCH connections.
"""

from vnroute.model.account import Account
from vnroute.model.answers import Answers
from vnroute.model.carrier import Carrier, Gateway
from vnroute.model.causes import CAUSES, Cause, parse_cause
from vnroute.model.choice import Choice
from vnroute.model.number import Number, NumberBlock
from vnroute.model.person import Person
from vnroute.model.plan import RELAY, Plan, Step
from vnroute.model.policy import Policy
from vnroute.model.problem import FieldError, Problem, RoutingDataError
from vnroute.model.rate import Rate, parse_rate
from vnroute.model.routing import RoutingFile
from vnroute.model.rule import Rule
from vnroute.model.schedule import CLOSED, OPEN, OpenHours, Schedule
from vnroute.model.screen import CallerList, Screen, ScreenRule

__all__ = [
    "CAUSES",
    "CLOSED",
    "OPEN",
    "RELAY",
    "Account",
    "Answers",
    "CallerList",
    "Carrier",
    "Cause",
    "Choice",
    "FieldError",
    "Gateway",
    "Number",
    "NumberBlock",
    "OpenHours",
    "Person",
    "Plan",
    "Policy",
    "Problem",
    "Rate",
    "RoutingDataError",
    "RoutingFile",
    "Rule",
    "Schedule",
    "Screen",
    "ScreenRule",
    "Step",
    "parse_cause",
    "parse_rate",
]
