"""Profiles: what a run does, from a small YAML file.

A name without a slash or a suffix is one of the shipped profiles; anything else is a file. See
docs/loadtest.md for every field.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from vnroute.loadtest.dip_service import Dips, check_says
from vnroute.loadtest.timing import arrivals, duration, holding, lasting, stretched
from vnroute.model.problem import FieldError, Problem, RoutingDataError
from vnroute.simulator import Gateways, GatewaysError

__all__ = [
    "CLOSED",
    "Callers",
    "Carriers",
    "Event",
    "Expect",
    "Knee",
    "Limits",
    "Ported",
    "Profile",
    "Switch",
    "lasting_for",
    "read_profile",
    "shipped_profiles",
]

CLOSED = "closed"
"""A carrier whose port nobody listens on; the simulator's gateway refuses with 503 instead, which
is what FreeSWITCH makes of the ICMP message."""

GENERATED_GATEWAYS = ("gwA", "gwB", "gwC")
_MOST_NUMBERS = 900
"""Generated numbers are of four ranges with room for so many."""

KINDS = ("direct", "fixed", "follow", "steps", "hours", "closed", "unknown", "suspended")


class Ported(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Number portability data of a call (RFC 4694), in its request URI and in To."""

    rn: str = ""
    """The routing number: where the number was ported to. E.164 with its +."""
    npdi: bool = True
    """That a database has been asked already."""
    where: Literal["user", "uri"] = "user"
    """``user``: parameters of the number, before the @, as a tel URI turned into a SIP URI has them
    (RFC 3261, 19.1.6); ``uri``: behind the host, as some switches write them."""

    def __post_init__(self) -> None:
        if self.rn and not re.fullmatch(r"\+[0-9]{3,15}", self.rn):
            raise FieldError("rn", repr(self.rn), "a routing number such as +12125550000")
        if not self.rn and not self.npdi:
            raise FieldError("rn", "neither rn nor npdi", "one of them, or both")

    @property
    def parameters(self) -> str:
        """What stands in the URI."""
        return (";npdi" if self.npdi else "") + (f";rn={self.rn}" if self.rn else "")


class Callers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of callers that behave alike."""

    name: str
    arrivals: dict[str, Any]
    hold: Any = "300ms"
    patience: str = "60s"
    """Without a final answer for so long after the last message, the caller cancels."""
    does: Literal["talk", "reinvite"] = "talk"
    loses: int = 0
    """Per cent of the messages that are lost on their way, both ways: so they are repeated."""
    names: Literal["plain", "hostile"] = "plain"
    withheld: bool = False
    plus: bool = False
    """Numbers are sent with their + (E.164 as RFC 3966 writes it), else without."""
    ported: Ported | None = None
    headers: tuple[str, ...] = ()
    """Further SIP header lines; ``[field0]`` is the number called, ``[field1]`` the caller's."""
    to: tuple[str, ...] = ()
    """Kinds of generated numbers (direct, follow, unknown, ...) or numbers; none is all."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", self.name):
            raise FieldError("name", repr(self.name), "small letters, digits and dashes")
        arrivals(self.arrivals, random.Random(0))
        holding(self.hold)
        if duration(self.patience, "patience") < 0.05:
            raise FieldError("patience", repr(self.patience), "50ms or more")
        if not 0 <= self.loses <= 50:
            raise FieldError("loses", str(self.loses), "0 to 50 per cent")
        for place, header in enumerate(self.headers):
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*: [^\r\n]+", header):
                raise FieldError(f"headers[{place}]", repr(header), 'a line such as "Privacy: id"')


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that happens in mid-run: a carrier or the service of dips becomes another, or a
    process is killed.
    """

    at: str
    carrier: str = ""
    becomes: Any = None
    dips: str = ""
    """What the service of dips does from then on: a duration, ``silent`` or ``closed``."""
    kill: Literal["", "worker", "node"] = ""
    """``worker``: SIGKILL of one worker; ``node``: of a supervisor and all its workers."""
    start: Literal["", "node"] = ""
    node: int = 1

    def __post_init__(self) -> None:
        duration(self.at, "at")
        if self.dips:
            check_says(self.dips, "dips")
        does = [bool(self.carrier), bool(self.dips), bool(self.kill), bool(self.start)]
        if sum(does) != 1 or bool(self.carrier) != (self.becomes is not None):
            raise FieldError(
                "events", "neither or several", "one of carrier with becomes, dips, kill and start"
            )

    @property
    def seconds(self) -> float:
        """When, in seconds after the callers began."""
        return duration(self.at, "at")


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What calls must do beyond what ``vnroute route`` says of them.

    ``to`` is a kind of generated number or a number. ``gateways`` are those tried, in order;
    ``code`` is the caller's final code.
    """

    to: str
    gateways: tuple[str, ...] | None = None
    code: int | None = None


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of fs-conf is set otherwise for the run; 0 and "" leave what is shipped."""

    sessions_per_second: int = 0
    max_sessions: int = 0
    loglevel: str = ""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a run may go from what is expected before it fails."""

    slack: str = "700ms"
    """Added to each expected wait; a busy machine is late."""
    lost: int = 0
    """Calls that may get no plan from vnroute, all in all, outside of a time without any node."""
    growth_mb: float = 0
    """MB by which vnroute's memory may grow over the run; 0 does not look at it."""
    lost_in_kill: int = 0
    """Calls that may get no plan within a second of a worker's or node's death."""

    def __post_init__(self) -> None:
        duration(self.slack, "slack")


class Knee(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the highest rate that holds is looked for."""

    start: float = 10
    step: float = 10
    most: float = 400
    seconds: float = 6
    """Of each step."""
    search: float = 40
    """Seconds that ``compare`` may look for one knee; 0 looks for none."""
    hold: float = 15
    """Seconds for which the rate below the knee is held at the end."""
    failures: float = 0.01
    """Share of calls that may fail."""
    pdd_p99: str = "500ms"
    cpu: float = 0.95
    """Share of all cores that may be busy."""
    late: float = 0.05
    """Share by which the callers may stay behind the rate asked of them."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole run."""

    about: str
    kind: Literal["calls", "knee", "compare"] = "calls"
    seed: int = 26
    nodes: int = 1
    workers: int = 1
    numbers: int = 48
    """Generated numbers, over all kinds; or how many are drawn from given routing data."""
    progress_seconds: int = 2
    """How long a carrier may stay silent, in generated routing data."""
    callers: tuple[Callers, ...] = ()
    carriers: dict[str, Any] = {}
    default: Any = None
    """What carriers do that are not listed."""
    events: tuple[Event, ...] = ()
    expect: tuple[Expect, ...] = ()
    covers: dict[str, tuple[int, ...]] = {}
    """SIP codes that each gateway must have sent at least once."""
    switch: Switch = Switch()
    limits: Limits = Limits()
    dips: Dips | None = None
    """A service that is asked for routing numbers; None: nobody is."""
    knee: Knee = Knee()
    rounds: int = 3
    ways: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= 4:
            raise FieldError("nodes", str(self.nodes), "1 to 4")
        if not 1 <= self.workers <= 64:
            raise FieldError("workers", str(self.workers), "1 to 64")
        if not 8 <= self.numbers <= _MOST_NUMBERS:
            raise FieldError("numbers", str(self.numbers), f"8 to {_MOST_NUMBERS}")
        if not 1 <= self.progress_seconds <= 60:
            raise FieldError("progress_seconds", str(self.progress_seconds), "1 to 60 seconds")
        if self.kind == "calls" and not self.callers:
            raise FieldError("callers", "none", "at least one group of callers")
        names = [group.name for group in self.callers]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise FieldError(f"callers[{place}].name", f"{name} twice", "a name of its own")
        for place, event in enumerate(self.events):
            if event.dips and self.dips is None:
                raise FieldError(f"events[{place}].dips", repr(event.dips), "dips in the profile")
            if not 1 <= event.node <= self.nodes:
                expected = f"a node from 1 to {self.nodes}"
                raise FieldError(f"events[{place}].node", str(event.node), expected)


class Carriers:
    """What each carrier does, and when that changes."""

    def __init__(self, given: Mapping[str, Any], default: Any, gateways: tuple[str, ...]) -> None:
        self.gateways = gateways
        self.given = {name: given.get(name, default) for name in gateways}

    def behaviours(self, changed: Mapping[str, Any] | None = None) -> Gateways:
        """Return all carriers in the simulator's notation, with some of them changed."""
        now = {**self.given, **(changed or {})}
        words = {name: {"refuse": 503} if what == CLOSED else what for name, what in now.items()}
        return Gateways.from_mapping({"gateways": words})


def shipped_profiles() -> dict[str, Path]:
    """Return the profiles that come with vnroute, by name."""
    folder = Path(__file__).parent / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_profile(name: str) -> Profile:
    """Read a profile by its name or its file.

    Raises :class:`RoutingDataError` with file, line, field, found and expected.
    """
    shipped = shipped_profiles()
    if name in shipped:
        path = shipped[name]
    else:
        path = Path(name)
        if not path.is_file():
            near = get_close_matches(name, shipped, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            expected = f"a file, or one of {', '.join(shipped)}{hint}"
            raise RoutingDataError([Problem("PROFILE", 0, "name", repr(name), expected)])
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise RoutingDataError([Problem(str(path), 0, "file", str(error), "UTF-8 text")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        found = str(getattr(error, "problem", None) or "text that is no YAML")
        raise RoutingDataError([Problem(str(path), line, "file", found, "YAML")]) from None

    def problem(field: str, found: str, expected: str) -> RoutingDataError:
        return RoutingDataError([Problem(str(path), _line(node, field), field, found, expected)])

    if not isinstance(data, dict):
        raise problem("file", type(data).__name__, "a mapping: about, callers, carriers, ...")
    try:
        profile = msgspec.convert(data, Profile)
    except msgspec.ValidationError as error:
        raise problem(*_told(error)) from None
    try:
        _check_names(profile)
    except FieldError as error:
        raise problem(error.field, error.found, error.expected) from None
    return profile


def lasting_for(profile: Profile, seconds: float) -> Profile:
    """Return a profile whose calls begin within so many seconds, at the same rates.

    Its events move with them. Raises FieldError for less than a second.
    """
    if seconds < 1:
        raise FieldError("--for", f"{seconds:g} s", "1s or more")
    factor = seconds / max(lasting(group.arrivals) for group in profile.callers)
    replace = msgspec.structs.replace
    return replace(
        profile,
        callers=tuple(
            replace(group, arrivals=stretched(group.arrivals, factor)) for group in profile.callers
        ),
        events=tuple(replace(e, at=f"{e.seconds * factor:.3f}s") for e in profile.events),
    )


def _told(error: msgspec.ValidationError) -> tuple[str, str, str]:
    """Return field, found and expected of what msgspec says."""
    message, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").removeprefix(".")
    if isinstance(error.__cause__, FieldError):
        inner = error.__cause__
        joined = f"{field}.{inner.field}" if field else inner.field
        return joined, inner.found, inner.expected
    unknown = re.search(r"contains unknown field `(.+)`", message)
    if unknown:
        joined = f"{field}.{unknown[1]}" if field else unknown[1]
        return joined, "an unknown name", _names_of(field, unknown[1])
    missing = re.search(r"missing required field `(.+)`", message)
    if missing:
        return f"{field}.{missing[1]}" if field else missing[1], "nothing", "a value"
    kind = re.search(r"Expected `(.+)`, got `(.+)`", message)
    if kind:
        return field, kind[2], kind[1]
    return field or "file", message, "another value"


def _names_of(field: str, wrong: str) -> str:
    kinds: dict[str, type[msgspec.Struct]] = {
        "": Profile, "callers": Callers, "events": Event, "expect": Expect, "switch": Switch,
        "limits": Limits, "knee": Knee, "dips": Dips,
    }  # fmt: skip
    kind = kinds.get(field.partition("[")[0])
    if kind is None:
        return "another name"
    names = [entry.name for entry in msgspec.structs.fields(kind)]
    near = get_close_matches(wrong, names, n=1)
    return near[0] if near else f"one of {', '.join(names)}"


def _line(node: yaml.Node | None, field: str) -> int:
    """Return the line of a dotted path, or of the nearest node above it."""
    line = 0
    for part in re.findall(r"[^.\[\]]+", field):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if getattr(key, "value", None) == part:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _check_names(profile: Profile) -> None:
    """Check that what is named exists, and that carriers can be played."""
    for place, group in enumerate(profile.callers):
        for spot, kind in enumerate(group.to):
            _check_kind(kind, f"callers[{place}].to[{spot}]")
    for place, expect in enumerate(profile.expect):
        _check_kind(expect.to, f"expect[{place}].to")
    for name, what in profile.carriers.items():
        _check_behaviour(name, what, f"carriers.{name}")
    if profile.default is not None:
        _check_behaviour("default", profile.default, "default")
    known = {*profile.carriers, *GENERATED_GATEWAYS}
    for place, event in enumerate(profile.events):
        if event.carrier:
            if event.carrier not in known:
                expected = f"a carrier of this profile: {', '.join(sorted(known))}"
                raise FieldError(f"events[{place}].carrier", repr(event.carrier), expected)
            _check_behaviour(event.carrier, event.becomes, f"events[{place}].becomes")
    for name in profile.covers:
        if name not in known:
            expected = f"a carrier of this profile: {', '.join(sorted(known))}"
            raise FieldError(f"covers.{name}", repr(name), expected)


def _check_kind(kind: str, field: str) -> None:
    if kind not in KINDS and not re.fullmatch(r"\+?[0-9]{1,15}", kind):
        near = get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FieldError(field, repr(kind), f"a number or one of {', '.join(KINDS)}{hint}")


def _check_behaviour(name: str, what: Any, field: str) -> None:
    from vnroute.loadtest.carrier_scenario import REFUSALS, scripts_of

    if what == CLOSED:
        return
    try:
        behaviour = Gateways.from_mapping({"gateways": {name: what}}).gateways[name]
    except GatewaysError as error:
        inner = error.field.removeprefix(f"gateways.{name}").lstrip(".")
        raise FieldError(
            f"{field}.{inner}" if inner else field, error.found, f"{CLOSED}, {error.expected}"
        ) from None
    if behaviour.down:
        return
    for _, script in scripts_of(behaviour, random.Random(0)):
        for _, status in script.signals:
            if status >= 300 and status not in REFUSALS:
                codes = ", ".join(map(str, REFUSALS))
                raise FieldError(field, str(status), f"a refusal that carriers can play: {codes}")
