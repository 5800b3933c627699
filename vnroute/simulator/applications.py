"""Dialplan applications' arguments, read as mod_dptools reads them.

Each reader takes the argument as the application function sees it: variables expanded once already
(``switch_core_session_exec``, ``src/switch_core_session.c``).  Sources, all in
``src/mod/applications/mod_dptools/mod_dptools.c``: ``multiset_function``, ``base_set``,
``export_function``, ``hangup_function``, ``respond_function``, ``limit_function``,
``limit_execute_function``, ``multiunset_function``; for ``respond`` also
SWITCH_MESSAGE_INDICATE_RESPOND in mod_sofia.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .causes import NORMAL_CLEARING, cause_of_text
from .cstring import CARET, SPACE, decode, encode, memory, separate, separate_text, string_at
from .headers import leading_int

_MOST_VARIABLES: Final = 256


@dataclass(frozen=True, slots=True)
class Application:
    """One step of an extension: the application's name and its argument, None if it has none."""

    name: str
    argument: str | None

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name} {self.argument}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable to set; ``value`` None unsets it.

    ``base_set`` expands ``value`` once more before it stores it.
    """

    name: str
    value: str | None


def split_application(line: str) -> Application:
    """The value of an ``application:`` header of ``xferext`` (switch_ivr.c, CMD_XFEREXT).

    The name ends at the first space; everything behind it is the argument, unchanged.
    """
    name, space, argument = line.partition(" ")
    return Application(name, argument if space else None)


def read_set(argument: str) -> Assignment | None:
    """``set name=value``; a comma serves when there is no ``=``.  None for an empty argument."""
    if not argument:
        return None
    name, equals, value = argument.partition("=")
    if not equals:
        name, _, value = argument.partition(",")
    return Assignment(name, value or None)


def _pieces(argument: str) -> list[str]:
    m = memory(encode(argument))
    p, delimiter = 0, SPACE
    if m[0] == CARET and m[1] == CARET:
        p, delimiter = 3, m[2]
    return [decode(string_at(m, piece)) for piece in separate(m, p, delimiter, _MOST_VARIABLES)]


def read_multiset(argument: str) -> list[Assignment]:
    """``multiset ^^;a=b;c=d``, or ``a=b c=d`` with spaces between.

    The pieces lose quotes and escapes before each is read as :func:`read_set` reads it.
    """
    pieces = argument[3:].split(";") if _is_plain(argument) else _pieces(argument)
    return [assignment for piece in pieces if (assignment := read_set(piece)) is not None]


def _is_plain(argument: str) -> bool:
    """May ``argument`` be split without C's care?  Only if no character in it is special."""
    return (
        argument.startswith("^^;")
        and not argument.startswith("^^", 3)
        and "'" not in argument
        and "\\" not in argument
        and " " not in argument
        and "\0" not in argument
        and ";;" not in argument
        and argument.count(";") <= _MOST_VARIABLES
    )


def read_multiunset(argument: str) -> list[str]:
    """``multiunset ^^;a;b``: the names."""
    return [name for name in _pieces(argument) if name]


def read_export(argument: str) -> Assignment | None:
    """``export name=value``; the name may begin with ``nolocal:`` or ``_nolocal_``."""
    if not argument:
        return None
    name, _, value = argument.partition("=")
    return Assignment(name, value or None)


def read_hangup(argument: str | None) -> str:
    """The cause of ``hangup CAUSE``; NORMAL_CLEARING for none and for what is no cause."""
    return cause_of_text(argument) if argument else NORMAL_CLEARING


def read_respond(argument: str | None) -> tuple[int, str]:
    """``respond CODE phrase``: the SIP status and the phrase.  Without a number it is 488."""
    text = argument or ""
    return leading_int(text) or 488, text.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Limit:
    """``limit`` and ``limit_execute``: a counted resource, and what is run over or under it.

    ``most`` is -1 for "count only"; ``interval`` in seconds is 0 for "at a time". ``then`` is, for
    ``limit``, where a call goes that is one too many: ``!CAUSE``, or an extension of ``dialplan``.
    """

    backend: str
    realm: str
    resource: str
    most: int
    interval: int
    then: str = ""
    dialplan: str = ""
    application: Application | None = None


def _most(text: str) -> tuple[int, int]:
    if text.startswith("-"):
        return -1, 0
    size, _, seconds = text.partition("/")
    return max(leading_int(size), 0), leading_int(seconds)


def _fields(argument: str, most: int) -> list[str]:
    """Return an argument split at spaces with quotes and escapes taken out, once."""
    m = memory(encode(argument))
    return [decode(string_at(m, p)) for p in separate(m, 0, SPACE, most)]


def read_limit(argument: str) -> Limit | None:
    """``limit BACKEND REALM ID [MAX[/INTERVAL] [!CAUSE | EXTENSION …]]``; None if it is short."""
    fields = _fields(argument, 7)
    if len(fields) < 3:
        return None
    fields += ["-", "limit_exceeded"][len(fields) - 3 :]
    backend, realm, resource, size, then, dialplan, *_ = [*fields, ""]
    return Limit(backend, realm, resource, *_most(size), then, dialplan)


def read_inline(extension: str) -> list[Application]:
    """The applications of an extension of the dialplan ``inline``: ``name:argument,name:…``.

    ``m:X:`` before them has X stand for the comma (``inline_dialplan_hunt``).
    """
    delimiter = ","
    if extension[:2] == "m:" and extension[3:4] == ":":
        delimiter, extension = extension[2], extension[4:]
    found = []
    for piece in separate_text(extension, delimiter, 128):
        name, colon, argument = piece.partition(":")
        found.append(Application(name.lstrip(" "), argument if colon else None))
    return found


def read_limit_execute(argument: str) -> Limit | None:
    """``limit_execute BACKEND REALM ID MAX[/INTERVAL] APPLICATION ARGUMENT``; None if short."""
    fields = _fields(argument, 6)
    if len(fields) < 6 or not fields[4]:
        return None
    backend, realm, resource, size, name, text = fields
    return Limit(backend, realm, resource, *_most(size), application=Application(name, text))


#: Applications that exist on a usual FreeSWITCH but have no effect on where a call goes: the
#: simulator lets them pass.  Anything that is neither here nor simulated is an unknown application
#: and hangs the call up, as FreeSWITCH does (switch_core_session_execute_application_get_flags).
HARMLESS: Final = frozenset(
    {
        "bind_meta_app",
        "break",
        "db",
        "detect_speech",
        "echo",
        "enable_heartbeat",
        "endless_playback",
        "eval",
        "event",
        "flush_dtmf",
        "gentones",
        "hash",
        "info",
        "ivr",
        "jitterbuffer",
        "limit_hash",
        "log",
        "loop_playback",
        "media_reset",
        "park",
        "phrase",
        "play_and_get_digits",
        "playback",
        "presence",
        "privacy",
        "queue_dtmf",
        "read",
        "record",
        "record_session",
        "remove_bugs",
        "say",
        "sched_hangup",
        "send_display",
        "send_dtmf",
        "session_loglevel",
        "set_audio_level",
        "set_global",
        "set_name",
        "set_profile_var",
        "speak",
        "start_dtmf",
        "stop_dtmf",
        "stop_record_session",
        "verbose_events",
        "voicemail",
        "wait_for_silence",
    }
)
