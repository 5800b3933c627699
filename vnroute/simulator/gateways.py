"""How simulated gateways behave, from a small YAML file or from a dictionary.

A gateway's behaviour is written as one word or as a mapping::

    gateways:
      gwA: {answer: 200ms}                    # after 200 ms; talk: 30s, hangup: callee if wanted
      gwB: {refuse: 503, after: 20ms}         # a final SIP status
      gwC: silent                             # no response at all, as a dead host
      gwD: {early_media: 100ms, refuse: 503}  # 183 with sound, then refused
      gwE: {ringing: 50ms, ring: forever}     # 180, and nobody picks up
      gwF: down                               # FreeSWITCH knows it is down: GATEWAY_DOWN at once
      gwG: {mix: [{weight: 9, answer: 0ms}, {weight: 1, refuse: 486}]}
      gwH: {refuse: {503: 9, 486: 1}}         # statuses by weight; a list weighs them equally
      gwI: {answer: [1s, 6s]}                 # anywhere between the two
      gwJ: {answer: 1s, press: 2s}            # takes the call by key 1, 2 s after answering
    default: {answer: 0ms}                    # gateways not listed; without it INVALID_GATEWAY
    numbers:                                  # by dialled number; wins over the gateway's
      "12125550100": {refuse: 486}
    profiles:                                 # sofia/PROFILE/user@host; else INVALID_PROFILE
      ext: {answer: 0ms}
    users:                                    # user/NAME; else SUBSCRIBER_ABSENT
      "1001@pbx.example": {answer: 1s}
      "1002@pbx.example": down                # not registered

A gateway which is ``down`` stays down for every number.  Durations are ``200ms`` or ``1.5s``; a
bare ``0`` is allowed.  ``after`` delays a refusal.  ``press`` matters where a plan asks for a key
(``group_confirm_key``); ``key`` presses another than 1.  Whoever hangs up (``talk``, ``hangup:
callee``) before pressing has not taken the call.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import yaml

from .errors import InputError

#: Longest duration a file may name: an hour.
_LONGEST_SECONDS: Final = 3600.0
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")


class GatewaysError(InputError):
    """A gateway file that cannot be used, pointing at the spot."""


class Signal(IntEnum):
    """What a gateway sends, by its SIP status; refusals carry their own."""

    TRYING = 100
    RINGING = 180
    EARLY_MEDIA = 183
    ANSWER = 200


@dataclass(frozen=True, slots=True)
class Script:
    """One leg's future: (seconds after the INVITE, SIP status) in order; empty for silence.

    ``talk`` is how many seconds an answered call lasts; ``callee_hangs_up`` says who ends it.
    ``press`` is how many seconds after the answer ``key`` is pressed, None for never.
    """

    signals: tuple[tuple[float, int], ...]
    talk: float = 0.0
    callee_hangs_up: bool = False
    press: float | None = None
    key: str = "1"


@dataclass(frozen=True, slots=True)
class _Span:
    low: float
    high: float

    def draw(self, rng: random.Random) -> float:
        return self.low if self.low == self.high else rng.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one gateway (or number) does with a call.

    With ``choices`` it is a mixture by weight; otherwise ``ringing``, ``early_media``, ``answer``
    and ``refuse`` say what it sends, None for not at all.
    """

    down: bool = False
    ringing: _Span | None = None
    early_media: _Span | None = None
    answer: _Span | None = None
    refuse: tuple[tuple[int, float], ...] = ()
    after: _Span = _Span(0.0, 0.0)
    talk: _Span = _Span(0.0, 0.0)
    callee_hangs_up: bool = False
    press: _Span | None = None
    key: str = "1"
    silent: bool = False
    choices: tuple[tuple[float, Behaviour], ...] = ()
    _fixed: list[Script] = field(default_factory=list, compare=False, repr=False)

    def script(self, rng: random.Random) -> Script:
        """Draw one leg's future."""
        if self._fixed:
            return self._fixed[0]
        if self.choices:
            weights = [weight for weight, _ in self.choices]
            (chosen,) = rng.choices([choice for _, choice in self.choices], weights)
            return chosen.script(rng)
        made = Script(()) if self.silent else self._draw(rng)
        if self._is_fixed():
            self._fixed.append(made)
        return made

    def _is_fixed(self) -> bool:
        spans = (self.ringing, self.early_media, self.answer, self.after, self.talk, self.press)
        return len(self.refuse) < 2 and all(s is None or s.low == s.high for s in spans)

    def _draw(self, rng: random.Random) -> Script:
        signals: list[tuple[float, int]] = [(0.0, Signal.TRYING)]
        latest = 0.0
        if self.ringing is not None:
            latest = self.ringing.draw(rng)
            signals.append((latest, Signal.RINGING))
        if self.early_media is not None:
            at = self.early_media.draw(rng)
            signals.append((at, Signal.EARLY_MEDIA))
            latest = max(latest, at)
        if self.answer is not None:
            signals.append((max(latest, self.answer.draw(rng)), Signal.ANSWER))
        elif self.refuse:
            statuses = [status for status, _ in self.refuse]
            (status,) = rng.choices(statuses, [weight for _, weight in self.refuse])
            signals.append((latest + self.after.draw(rng), status))
        signals.sort()
        press = self.press.draw(rng) if self.press is not None else None
        return Script(tuple(signals), self.talk.draw(rng), self.callee_hangs_up, press, self.key)


class _Marked:
    """A YAML value with the line it came from; mappings and lists hold further ones."""

    __slots__ = ("line", "value")

    def __init__(self, value: Any, line: int) -> None:
        self.value = value
        self.line = line

    @property
    def described(self) -> str:
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return repr(self.value)


def _mark(node: yaml.Node, file: str, path: str) -> _Marked:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, _Marked] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise GatewaysError(
                    file, key_node.start_mark.line + 1, path or "key", "a list or mapping", "a name"
                )
            key = str(key_node.value)
            inner = f"{path}.{key}" if path else key
            if key in mapping:
                raise GatewaysError(
                    file, key_node.start_mark.line + 1, inner, "it twice", "each name once"
                )
            mapping[key] = _mark(value_node, file, inner)
        return _Marked(mapping, line)
    if isinstance(node, yaml.SequenceNode):
        items = [_mark(item, file, f"{path}[{i}]") for i, item in enumerate(node.value)]
        return _Marked(items, line)
    return _Marked(str(node.value), line)


def _mark_plain(value: Any) -> _Marked:
    if isinstance(value, Mapping):
        return _Marked({str(key): _mark_plain(item) for key, item in value.items()}, 0)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _Marked([_mark_plain(item) for item in value], 0)
    return _Marked(str(value), 0)


_BEHAVIOUR: Final = "silent, down, or a mapping with answer, refuse, ringing, early_media or mix"
_KEYS: Final = (
    "answer",
    "refuse",
    "after",
    "ringing",
    "early_media",
    "ring",
    "talk",
    "hangup",
    "press",
    "key",
    "mix",
    "weight",
)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file

    def fail(
        self, at: _Marked, path: str, expected: str, found: str | None = None
    ) -> GatewaysError:
        return GatewaysError(self.file, at.line, path, found or at.described, expected)

    def duration(self, at: _Marked, path: str) -> float:
        text = at.value
        if text == "0":
            return 0.0
        found = _DURATION.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise self.fail(at, path, "a duration such as 200ms or 1.5s")
        seconds = float(found.group(1)) / (1000 if found.group(2) == "ms" else 1)
        if seconds > _LONGEST_SECONDS:
            raise self.fail(at, path, "a duration of at most an hour")
        return seconds

    def span(self, at: _Marked, path: str) -> _Span:
        if not isinstance(at.value, list):
            seconds = self.duration(at, path)
            return _Span(seconds, seconds)
        if len(at.value) != 2:
            raise self.fail(at, path, "one duration, or two for a range", f"{len(at.value)} items")
        low, high = (self.duration(item, f"{path}[{i}]") for i, item in enumerate(at.value))
        if low > high:
            raise self.fail(at, path, "the shorter duration first")
        return _Span(low, high)

    def weight(self, at: _Marked, path: str) -> float:
        try:
            weight = float(at.value)
        except (TypeError, ValueError):
            weight = -1.0
        if not 0 < weight <= 1e9:
            raise self.fail(at, path, "a weight above 0")
        return weight

    def status(self, at: _Marked, text: Any, path: str) -> int:
        if isinstance(text, str) and re.fullmatch(r"[3-6][0-9][0-9]", text):
            return int(text)
        raise self.fail(at, path, "a SIP status from 300 to 699", repr(text))

    def refusals(self, at: _Marked, path: str) -> tuple[tuple[int, float], ...]:
        if isinstance(at.value, dict):
            pairs = [
                (self.status(item, status, path), self.weight(item, f"{path}.{status}"))
                for status, item in at.value.items()
            ]
        elif isinstance(at.value, list):
            pairs = [
                (self.status(item, item.value, f"{path}[{i}]"), 1.0)
                for i, item in enumerate(at.value)
            ]
        else:
            pairs = [(self.status(at, at.value, path), 1.0)]
        if not pairs:
            raise self.fail(at, path, "at least one SIP status", "none")
        return tuple(pairs)

    def mixture(self, at: _Marked, path: str) -> Behaviour:
        if not isinstance(at.value, list) or not at.value:
            raise self.fail(at, path, "a list of behaviours, each with a weight")
        choices = []
        for i, item in enumerate(at.value):
            inner = f"{path}[{i}]"
            weight = 1.0
            if isinstance(item.value, dict) and "weight" in item.value:
                weight = self.weight(item.value["weight"], f"{inner}.weight")
                if "silent" in item.value:
                    raise self.fail(item, inner, "ring: never instead of silent")
                rest = {key: value for key, value in item.value.items() if key != "weight"}
                item = _Marked(rest, item.line)
            choice = self.behaviour(item, inner)
            if choice.down:
                raise self.fail(item, inner, "a behaviour that varies by call, which down does not")
            choices.append((weight, choice))
        return Behaviour(choices=tuple(choices))

    def behaviour(self, at: _Marked, path: str) -> Behaviour:
        if at.value == "silent":
            return Behaviour(silent=True)
        if at.value == "down":
            return Behaviour(down=True)
        if not isinstance(at.value, dict) or not at.value:
            raise self.fail(at, path, _BEHAVIOUR)
        given: dict[str, _Marked] = at.value
        for key, item in given.items():
            if key not in _KEYS or key == "weight":
                raise self.fail(item, f"{path}.{key}", f"one of {', '.join(_KEYS[:-1])}", repr(key))
        if "mix" in given:
            if len(given) > 1:
                raise self.fail(at, path, "mix alone", ", ".join(given))
            return self.mixture(given["mix"], f"{path}.mix")
        if "answer" in given and "refuse" in given:
            raise self.fail(given["refuse"], path, "either answer or refuse", "both")
        for key, needed in (
            ("after", "refuse"),
            ("talk", "answer"),
            ("hangup", "answer"),
            ("press", "answer"),
            ("key", "press"),
        ):
            if key in given and needed not in given:
                raise self.fail(given[key], f"{path}.{key}", f"{needed} beside it", f"{key} alone")
        silent = False
        if "ring" in given:
            how = given["ring"].value
            if how not in ("forever", "never"):
                raise self.fail(given["ring"], f"{path}.ring", "forever or never")
            for key in ("answer", "refuse"):
                if key in given:
                    raise self.fail(given[key], f"{path}.{key}", f"nothing beside ring: {how}")
            silent = how == "never"
            if silent and len(given) > 1:
                raise self.fail(at, path, "ring: never alone", ", ".join(given))
        spans = {
            key: self.span(given[key], f"{path}.{key}")
            for key in ("answer", "after", "ringing", "early_media", "talk", "press")
            if key in given
        }
        if "ring" in given and not silent and "ringing" not in spans:
            spans["ringing"] = _Span(0.0, 0.0)
        if "hangup" in given and given["hangup"].value not in ("caller", "callee"):
            raise self.fail(given["hangup"], f"{path}.hangup", "caller or callee")
        if "key" in given and not re.fullmatch(r"[0-9A-D*#]", str(given["key"].value)):
            raise self.fail(given["key"], f"{path}.key", "a key of a telephone")
        return Behaviour(
            silent=silent,
            ringing=spans.get("ringing"),
            early_media=spans.get("early_media"),
            answer=spans.get("answer"),
            refuse=self.refusals(given["refuse"], f"{path}.refuse") if "refuse" in given else (),
            after=spans.get("after", _Span(0.0, 0.0)),
            talk=spans.get("talk", _Span(0.0, 0.0)),
            callee_hangs_up="hangup" in given and given["hangup"].value == "callee",
            press=spans.get("press"),
            key=str(given["key"].value) if "key" in given else "1",
        )

    def named(self, at: _Marked | None, path: str) -> dict[str, Behaviour]:
        if at is None or at.value in ("", "null"):
            return {}
        if not isinstance(at.value, dict):
            raise self.fail(at, path, "a mapping from names to behaviours")
        return {name: self.behaviour(item, f"{path}.{name}") for name, item in at.value.items()}


@dataclass(frozen=True, slots=True)
class Gateways:
    """All gateways of a simulated switch.

    ``default`` serves gateways that are not listed; None makes them unknown to the switch.
    """

    gateways: Mapping[str, Behaviour] = field(default_factory=dict)
    numbers: Mapping[str, Behaviour] = field(default_factory=dict)
    profiles: Mapping[str, Behaviour] = field(default_factory=dict)
    users: Mapping[str, Behaviour] = field(default_factory=dict)
    default: Behaviour | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Gateways:
        """Read a gateway file; :class:`GatewaysError` for one that cannot be used."""
        file = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise GatewaysError(file, 0, "file", "bytes that are no UTF-8", "UTF-8") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GatewaysError(file, 0, "file", reason, "a readable file") from error
        return cls.from_text(text, file)

    @classmethod
    def from_text(cls, text: str, file: str = "gateways") -> Gateways:
        """Read the text of a gateway file; ``file`` is only its name in errors."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "text that is no YAML"
            line = mark.line + 1 if mark is not None else 0
            raise GatewaysError(file, line, "YAML", str(problem), "YAML") from error
        if node is None:
            raise GatewaysError(file, 0, "file", "nothing", "gateways: or default:")
        try:
            return cls._read(_mark(node, file, ""), file)
        except RecursionError as error:
            raise GatewaysError(file, 0, "file", "endless nesting", "plain mappings") from error

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Gateways:
        """The same as a file, given as a dictionary of plain values."""
        return cls._read(_mark_plain(mapping), "gateways")

    @classmethod
    def _read(cls, root: _Marked, file: str) -> Gateways:
        reader = _Reader(file)
        if not isinstance(root.value, dict):
            raise reader.fail(root, "file", "a mapping with gateways:, default: or numbers:")
        known = ("gateways", "default", "numbers", "profiles", "users")
        for key, item in root.value.items():
            if key not in known:
                raise reader.fail(item, key, f"one of {', '.join(known)}", repr(key))
        default = root.value.get("default")
        numbers = reader.named(root.value.get("numbers"), "numbers")
        for number, behaviour in numbers.items():
            if behaviour.down:
                item = root.value["numbers"].value[number]
                raise reader.fail(
                    item, f"numbers.{number}", "what the number does: a gateway is down"
                )
        return cls(
            gateways=reader.named(root.value.get("gateways"), "gateways"),
            numbers=numbers,
            profiles=reader.named(root.value.get("profiles"), "profiles"),
            users=reader.named(root.value.get("users"), "users"),
            default=None if default is None else reader.behaviour(default, "default"),
        )

    def resolve(self, destination: str | None) -> tuple[str, str, Behaviour | str]:
        """Who gets a ``sofia/`` leg: (gateway or profile, number, its behaviour or a cause).

        ``sofia_outgoing_channel`` (mod_sofia.c): INVALID_URL without a second slash, then
        INVALID_GATEWAY, GATEWAY_DOWN, INVALID_PROFILE.  A ``^`` cuts the To address off, a ``;``
        the parameters; an ``@`` in the number goes to another host but through this gateway.
        """
        if not destination:
            # sofia_outgoing_channel gets "service" for an empty destination.
            destination = "service"
        destination = destination.partition("^")[0]
        if destination[:8].lower() == "gateway/":
            gateway, slash, number = destination[8:].partition("/")
            if not slash:
                return gateway, "", "INVALID_URL"
            number = number.partition(";")[0]
            behaviour = self.gateways.get(gateway, self.default)
            if behaviour is None:
                return gateway, number, "INVALID_GATEWAY"
            if behaviour.down:
                return gateway, number, "GATEWAY_DOWN"
            return gateway, number, self.numbers.get(number, behaviour)
        profile, slash, number = destination.partition("/")
        if not slash:
            return profile, "", "INVALID_URL"
        behaviour = self.profiles.get(profile)
        if behaviour is None:
            return profile, number, "INVALID_PROFILE"
        if behaviour.down:
            return profile, number, "SYSTEM_SHUTDOWN"
        user = number.partition("@")[0]
        return profile, number, self.numbers.get(user, behaviour)

    def resolve_user(self, destination: str) -> tuple[str, str, Behaviour | str]:
        """Who gets a ``user/`` leg: ("user", its name, its behaviour or a cause).

        ``user_outgoing_channel`` (mod_dptools.c): SUBSCRIBER_ABSENT for a name the directory does
        not know.  The usual dial string of the directory, ``sofia_contact``, turns into
        ``error/user_not_registered`` for one that is not registered.
        """
        behaviour = self.users.get(destination)
        if behaviour is None:
            return "user", destination, "SUBSCRIBER_ABSENT"
        if behaviour.down:
            return "user", destination, "USER_NOT_REGISTERED"
        return "user", destination, behaviour


#: Every gateway answers at once: what a simulation runs with when no file is given.
ALL_ANSWER: Final = Gateways(default=Behaviour(answer=_Span(0.0, 0.0)))
