"""A FreeSWITCH stand-in: places calls over outbound sockets and plays the gateways behind them.

It reads dial strings and applications as FreeSWITCH does, runs plans on a clock that costs no time,
and uses nothing else of vnroute, so that it can judge what vnroute answers.

    record = await place_call("18005551234", ["127.0.0.1:8084"])
    summary = await run_load(["127.0.0.1:8084"], numbers, calls=10_000, rate=2_000)
    read_dial_string("{a=b}sofia/gateway/gwA/1").endpoints
"""

from .applications import Application, read_multiset, read_set, split_application
from .cdr import CdrPost, encode_cdr
from .channel_data import Caller, Setup, Switch, encode_channel_data
from .dialstring import Branch, DialString, Group, Leg, read_dial_string
from .errors import InputError
from .expectations import Expectation, Expectations, read_expectations
from .framing import CommandReader, ProtocolError, read_answer
from .gateways import ALL_ANSWER, Gateways, GatewaysError
from .load import (
    CallOptions,
    LoadSummary,
    Percentiles,
    Server,
    Simulator,
    place_call,
    run_load,
)
from .records import CallRecord, LegRecord
from .switch import Session

__all__ = [
    "ALL_ANSWER",
    "Application",
    "Branch",
    "CallOptions",
    "CallRecord",
    "Caller",
    "CdrPost",
    "CommandReader",
    "DialString",
    "Expectation",
    "Expectations",
    "Gateways",
    "GatewaysError",
    "Group",
    "InputError",
    "Leg",
    "LegRecord",
    "LoadSummary",
    "Percentiles",
    "ProtocolError",
    "Server",
    "Session",
    "Setup",
    "Simulator",
    "Switch",
    "encode_cdr",
    "encode_channel_data",
    "place_call",
    "read_answer",
    "read_dial_string",
    "read_expectations",
    "read_multiset",
    "read_set",
    "run_load",
    "split_application",
]
