"""Dial strings, read as FreeSWITCH reads them: the judge of what vnroute's answers really mean.

This is an independent reading of the grammar in ``switch_ivr_originate`` and
``switch_ivr_enterprise_originate`` (``src/switch_ivr_originate.c``), with
``switch_event_create_brackets`` (``src/switch_event.c``).  It works on one buffer, in place, as the
C code does, because only so do the odd cases come out the same: quotes vanish at the first level
of splitting which sees them, so ``[c='m,n']`` loses ``,n``; an unbalanced ``}`` ends its block; an
unquoted ``|`` inside ``[]`` breaks the leg.

The levels, outermost first: variable expansion, ``:_:`` (enterprise), ``<>``, ``{}``, ``|``
(serial), ``,`` (parallel), ``[]``, then ``kind/destination``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from .cstring import (
    BACKSLASH,
    CARET,
    NUL,
    QUOTE,
    SPACE,
    decode,
    encode,
    find_after_spaces,
    find_end_paren,
    holds_variable,
    memory,
    separate,
    string_at,
)
from .expansion import Api, DictionaryVariables, Expander, VariableSource
from .headers import Headers, is_true

#: Most serial groups, parallel legs or enterprise branches of one dial string (MAX_PEERS).
MOST_PEERS: Final = 128

_MOST_VARIABLES = 1024
_ENTERPRISE = b":_:"
_QUOTED_COMMA = 1
_UNQUOTED_COMMA = 2

#: What became of a dial string FreeSWITCH can make nothing of.
PARSE_ERROR: Final = "Parse Error!"
NO_DESTINATION: Final = "No origination URL specified!"


@dataclass(frozen=True, slots=True)
class Leg:
    """One attempt at an endpoint.

    ``kind`` is what stands before the first slash (``sofia``, ``error``), ``destination`` what
    stands behind it, None without a slash.  ``local_variables`` are those of ``[]``;
    ``global_variables`` those of ``<>`` and ``{}`` and of the A leg's exports.  ``nested`` is
    ``origination_nested_vars``; ``lower_case`` promises that no name needs its case ignored.
    """

    kind: str
    destination: str | None
    local_variables: Mapping[str, str]
    global_variables: Mapping[str, str]
    nested: bool = False
    lower_case: bool = False

    @property
    def endpoint(self) -> str:
        """Kind and destination together, as they stand in the dial string."""
        return self.kind if self.destination is None else f"{self.kind}/{self.destination}"

    def parameter(self, name: str) -> str | None:
        """The value that steers how the leg is made (its uuid, caller-ID and the like).

        Here ``[]`` beats ``{}``: switch_ivr_originate merges the local variables over the global
        ones for the endpoint.
        """
        value = self._find(self.local_variables, name)
        return value if value is not None else self._find(self.global_variables, name)

    def variable(self, name: str) -> str | None:
        """The value the new channel has, which timers such as ``leg_timeout`` are read from.

        Here ``{}`` beats ``[]``, unless ``local_var_clobber`` is true: the global variables are
        set on the channel after the local ones.
        """
        winning, losing = self.global_variables, self.local_variables
        if is_true(self._find(winning, "local_var_clobber")):
            winning, losing = losing, winning
        for variables in (winning, losing):
            value = self._find(variables, name)
            if value is not None and (self.nested or not _refused(value)):
                return value
        return None

    def _find(self, variables: Mapping[str, str], name: str) -> str | None:
        value = variables.get(name)
        if value is None and not self.lower_case:
            for key, candidate in variables.items():
                if key.lower() == name:
                    return candidate
        return value

    @property
    def variables(self) -> dict[str, str]:
        """All variables of the new channel, as FreeSWITCH would have them.

        A value with ``${`` in it is refused, unless ``origination_nested_vars`` allows it
        (``switch_channel_set_variable_var_check``).
        """
        clobber = is_true(self._find(self.global_variables, "local_var_clobber"))
        first, second = self.local_variables, self.global_variables
        if clobber:
            first, second = second, first
        channel = Headers()
        for variables in (first, second):
            for name, value in variables.items():
                if name and (self.nested or not _refused(value)):
                    channel.add(name, value)
        return channel.to_dict()


def _refused(value: str) -> bool:
    return "$" in value and holds_variable(encode(value))


@dataclass(frozen=True, slots=True)
class Group:
    """Legs rung together.  With ``error`` set, the legs before the fault were rung and dropped."""

    legs: tuple[Leg, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A serial hunt: its groups in order.  ``error`` says why there are none."""

    groups: tuple[Group, ...]
    global_variables: Mapping[str, str]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DialString:
    """A dial string as FreeSWITCH understands it.

    More than one branch only in an enterprise originate (``:_:``); ``global_variables`` are then
    those of the leading ``<>``, and each branch repeats them.  ``api_calls`` are the APIs that
    reading it would have run.
    """

    text: str
    branches: tuple[Branch, ...]
    enterprise: bool = False
    global_variables: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    api_calls: tuple[tuple[str, str], ...] = ()

    @property
    def legs(self) -> list[Leg]:
        """Every leg, in the order they would be tried, all branches one after the other."""
        return [leg for branch in self.branches for group in branch.groups for leg in group.legs]

    @property
    def endpoints(self) -> list[str]:
        """The endpoint of every leg."""
        return [leg.endpoint for leg in self.legs]


def _read_brackets(
    m: bytearray, data: int, opening: int, closing: int, delimiter: int, into: Headers
) -> int:
    """``switch_event_create_brackets``: the variables of the bracket at ``data`` go ``into``.

    Returns where the text goes on, -1 when the bracket does not close.
    """
    end = find_end_paren(m, data, opening, closing)
    if end < 0:
        return -1
    text = data + 1
    m[end] = NUL
    following = end + 1
    # FreeSWITCH looks for a bracket directly behind this one.  It can only find one that begins
    # with two brackets, and then takes everything from the inner one's end on for variables.
    another = find_after_spaces(m, following, opening)
    nested = find_end_paren(m, another + 1 if another >= 0 else following, opening, closing)
    while True:
        if m[text] == CARET and m[text + 1] == CARET:
            delimiter = m[text + 2]
            text += 3
        for piece in separate(m, text, delimiter, _MOST_VARIABLES):
            pair = separate(m, piece, ord("="), 2)
            if len(pair) == 2:
                name, value = (decode(string_at(m, p)) for p in pair)
                into.add(name, value)
        if nested < 0:
            return following
        text, nested = nested, -1


def _skip_spaces(m: bytearray, p: int) -> int:
    while m[p] == SPACE:
        p += 1
    return p


def _mark_local_commas(m: bytearray, p: int) -> None:
    """Hide the commas inside ``[]`` from the split into legs, as switch_ivr_originate does."""
    end = -1
    quoted = other_delimiter = False
    while m[p]:
        if end < 0 and m[p] == ord("["):
            end = find_end_paren(m, p, ord("["), ord("]"))
            other_delimiter = m[p + 1] == CARET and m[p + 2] == CARET
            quoted = False
        if m[p] == QUOTE:
            quoted = not quoted
        if end >= 0 and p < end and m[p] == ord(",") and m[p - 1] != BACKSLASH:
            m[p] = _QUOTED_COMMA if quoted or other_delimiter else _UNQUOTED_COMMA
        if p == end:
            end = -1
        p += 1


def _read_leg(m: bytearray, p: int, global_variables: Mapping[str, str], nested: bool) -> Leg | str:
    p = _skip_spaces(m, p)
    local = Headers()
    while m[p] == ord("["):
        end = find_end_paren(m, p, ord("["), ord("]"))
        for i in range(p + 1, end):
            if not m[i]:
                break
            if m[i] == _QUOTED_COMMA:
                m[i] = ord(",")
        following = _read_brackets(m, p, ord("["), ord("]"), _UNQUOTED_COMMA, local)
        if following < 0:
            return PARSE_ERROR
        p = following
    p = _skip_spaces(m, p)
    kind, slash, destination = string_at(m, p).partition(b"/")
    return Leg(
        kind=decode(kind),
        destination=decode(destination) if slash else None,
        local_variables=local.to_dict() if len(local) else _NOTHING,
        global_variables=global_variables,
        nested=nested,
    )


_NOTHING: Mapping[str, str] = {}


def _read_branch(text: bytes, inherited: Headers, nested: bool) -> list[Branch]:
    """One argument of switch_ivr_originate; more than one branch only for a ``:_:`` left over."""
    if _ENTERPRISE in text:
        return _read_enterprise(text, inherited, nested)[0]
    m = memory(text)
    variables = inherited
    nested = (
        nested
        or is_true(variables.get("origination_nested_vars"))
        or b"origination_nested_vars=true" in text.lower()
    )
    data = _skip_spaces(m, 0)
    for opening, closing in ((ord("<"), ord(">")), (ord("{"), ord("}"))):
        while m[data] == opening:
            data = _read_brackets(m, data, opening, closing, ord(","), variables)
            if data < 0:
                return [Branch((), variables.to_dict(), PARSE_ERROR)]
    data = _skip_spaces(m, data)
    global_variables = variables.to_dict()
    if not m[data]:
        return [Branch((), global_variables, NO_DESTINATION)]

    # FreeSWITCH hunts on a copy of the rest (loop_data): what stood before it is out of reach.
    m = memory(string_at(m, data))
    groups = []
    for group in separate(m, 0, ord("|"), MOST_PEERS):
        _mark_local_commas(m, group)
        legs: list[Leg] = []
        error = None
        for piece in separate(m, group, ord(","), MOST_PEERS):
            leg = _read_leg(m, piece, global_variables, nested)
            if isinstance(leg, str):
                error = leg
                break
            legs.append(leg)
        groups.append(Group(tuple(legs), error))
    return [Branch(tuple(groups), global_variables)]


def _read_enterprise(
    text: bytes, inherited: Headers, nested: bool
) -> tuple[list[Branch], dict[str, str], str | None]:
    """``switch_ivr_enterprise_originate``: the branches, the ``<>`` variables, and an error."""
    m = memory(text)
    variables = inherited
    data = _skip_spaces(m, 0)
    while m[data] == ord("<"):
        data = _read_brackets(m, data, ord("<"), ord(">"), ord(","), variables)
        if data < 0:
            return [], variables.to_dict(), PARSE_ERROR
    data = _skip_spaces(m, data)
    variables.add("ignore_early_media", "true")
    branches: list[Branch] = []
    for piece in string_at(m, data).split(_ENTERPRISE, MOST_PEERS - 1):
        branches.extend(_read_branch(piece, variables.copy(), nested))
    return branches, variables.to_dict(), None


# A character that quoting, escaping or expansion knows; a caret where it may change a delimiter; an
# empty value; and whatever else is more than letters between brackets.
_EXOTIC = re.compile(
    r"[^A-Za-z0-9_=+./@:;{}\[\],|^%#&*!?~-]|(?:^|[\[{,|}\]])\^|:_:|ARRAY::|=[,\]}|]"
)
_PLAIN_LEG = re.compile(r"(?:\[([^\[\]{}|]*)\])?([^\[\]{},|]+)([,|]|$)")
_PLAIN_NAME = re.compile(r"[a-z0-9_]+")


@lru_cache(maxsize=1024)
def _is_plain_name(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name) is not None


def _plain_variables(text: str) -> dict[str, str] | None:
    """``a=b,c=d`` without any finesse; None if it has some after all."""
    variables: dict[str, str] = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        if not value or name in variables or not _is_plain_name(name):
            return None
        variables[name] = value
    return variables


#: The ``{}`` of a dial string is the same for call after call; ``[]`` has a uuid of its own.
_plain_global_variables = lru_cache(maxsize=4096)(_plain_variables)


def _read_plain(text: str) -> Branch | None:
    """The shape vnroute writes, in a tenth of the time; None for anything out of the ordinary.

    A short cut and no second grammar: the tests hold its results against the long way's.
    """
    if _EXOTIC.search(text) or text.count("|") + text.count(",") >= MOST_PEERS:
        return None
    global_variables: dict[str, str] | None = {}
    p = 0
    if text.startswith("{"):
        p = text.find("}") + 1
        if p == 0 or text.find("{", 1, p) > 0:
            return None
        global_variables = _plain_global_variables(text[1 : p - 1])
    if global_variables is None or "origination_nested_vars" in text:
        return None
    groups: list[Group] = []
    legs: list[Leg] = []
    size = len(text)
    if p == size:
        return None
    separator = "|"
    while p < size:
        found = _PLAIN_LEG.match(text, p)
        if found is None:
            return None
        bracket, endpoint, separator = found.groups()
        local = _plain_variables(bracket) if bracket else _NOTHING
        if local is None:
            return None
        kind, slash, destination = endpoint.partition("/")
        legs.append(Leg(kind, destination if slash else None, local, global_variables, False, True))
        if separator != ",":
            groups.append(Group(tuple(legs)))
            legs = []
        p = found.end()
    if separator:
        return None
    return Branch(tuple(groups), global_variables)


def read_expanded(
    text: str, inherited: Mapping[str, str] | None = None, nested: bool = False
) -> DialString:
    """Read a dial string whose variables have been expanded already.

    ``inherited`` are variables that every leg gets before the dial string's own (exports of the A
    leg); ``nested`` is the A leg's ``origination_nested_vars``.
    """
    if not inherited and not nested:
        plain = _read_plain(text)
        if plain is not None:
            return DialString(text, (plain,), global_variables=plain.global_variables)
    variables = Headers()
    for name, value in (inherited or {}).items():
        variables.add(name, value)
    raw = encode(text).partition(b"\0")[0]
    if _ENTERPRISE in raw:
        branches, ultra, error = _read_enterprise(raw, variables, nested)
        return DialString(text, tuple(branches), True, ultra, error)
    (branch,) = _read_branch(raw, variables, nested)
    return DialString(text, (branch,), global_variables=branch.global_variables, error=branch.error)


def read_dial_string(
    text: str,
    variables: Mapping[str, str] | VariableSource | None = None,
    apis: Mapping[str, Api] | None = None,
    inherited: Mapping[str, str] | None = None,
) -> DialString:
    """Read a ``bridge`` application's whole argument as FreeSWITCH does.

    ``variables`` are those of the A leg, for ``${name}``; ``apis`` what ``${api(...)}`` may call
    besides ``cond``.  Never raises: what FreeSWITCH would refuse comes back with ``error`` set on
    the dial string, the branch or the group.
    """
    api_calls: tuple[tuple[str, str], ...] = ()
    expanded = text
    if "$" in text or "\\" in text:
        source: VariableSource = (
            DictionaryVariables(variables or {})
            if variables is None or isinstance(variables, Mapping)
            else variables
        )
        expander = Expander(source, apis)
        expanded = expander.expand(text)
        api_calls = tuple(expander.api_calls)
    result = read_expanded(expanded, inherited)
    if api_calls:
        return DialString(
            expanded,
            result.branches,
            result.enterprise,
            result.global_variables,
            result.error,
            api_calls,
        )
    return result
