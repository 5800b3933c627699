"""The Event Socket's wire, from FreeSWITCH's side: commands in, replies out.

Commands are read as ``read_packet`` of mod_event_socket.c reads them: the first line is the
command, the others are headers up to a blank line, spaces before a value are dropped, and a
``Content-Length`` is followed by a body.  Its habits count too: a stray carriage return swallows
the headers before it, an empty ``application:`` removes those already given, and a header block
that somewhere holds both "unload" and "mod_event_socket" is taken for another command.
"""

from __future__ import annotations

from typing import Final

from .applications import Application, split_application
from .cstring import decode
from .headers import Headers, leading_int

#: mod_event_socket's limits for one header block (read_packet, max_len) and for a body
#: (MAX_CONTENT_LENGTH), in bytes.
LARGEST_BLOCK: Final = 10_485_760
LARGEST_BODY: Final = 16 * 1024 * 1024

_GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"

REPLY_OK: Final = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
REPLY_BYE: Final = b"Content-Type: command/reply\nReply-Text: +OK bye\n\n"


def reply(text: str) -> bytes:
    """A command's reply; not URL-encoded (listener_run).  Nothing at all for an empty text."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode() if text else b""


def disconnect_notice(uuid: str) -> bytes:
    """What FreeSWITCH says before it closes (send_disconnect)."""
    return (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: %b\n"
        b"Content-Disposition: disconnect\nContent-Length: %d\n\n%b"
        % (uuid.encode(), len(_GOODBYE), _GOODBYE)
    )


class Command:
    """One command: its whole header block as ``text``, its headers, its body.

    ``text`` begins with the command line and, as in FreeSWITCH, does not end with it.
    """

    __slots__ = ("_headers", "body", "text")

    def __init__(self, text: str, body: bytes = b"") -> None:
        self.text = text
        self.body = body
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The headers, ``Command`` (the whole text) among them, as FreeSWITCH has them."""
        if self._headers is None:
            self._headers = _read_headers(self.text)
        return self._headers

    @property
    def name(self) -> str:
        """The command as FreeSWITCH dispatches it, in lower case: ``connect``, ``sendmsg``, ...

        An unknown command comes back as the first word of its line (parse_command).
        """
        lowered = self.text.lower()
        if lowered.startswith("sendmsg\n") and "mod_event_socket" not in lowered:
            return "sendmsg"
        if "mod_event_socket" in lowered and ("unload" in lowered or "reload" in lowered):
            return "api"
        for known in (
            "exit",
            "filter ",
            "resume",
            "connect",
            "getvar",
            "myevents",
            "divert_events",
            "sendmsg",
        ):
            if lowered.startswith(known):
                return known.strip()
        if lowered.startswith("..."):
            return "exit"
        return lowered.partition("\n")[0].partition(" ")[0]

    @property
    def line(self) -> str:
        """The command line alone."""
        return self.text.partition("\n")[0].partition("\r")[0]


class ProtocolError(Exception):
    """The other side sent what FreeSWITCH would close the connection for."""


class CommandReader:
    """Cuts a stream of bytes into commands.  Feed it what arrived; it returns what is complete.

    Raises :class:`ProtocolError` for a Content-Length out of range.
    """

    __slots__ = ("_buffer", "_lengths", "_pending")

    def __init__(self) -> None:
        self._buffer = b""
        self._pending: Command | None = None
        self._lengths: list[int] = []

    @property
    def holds_part(self) -> bool:
        """Has part of a command arrived without the rest?"""
        return bool(self._buffer.strip(b"\r\n")) or self._pending is not None

    def feed(self, data: bytes) -> list[Command]:
        """Add ``data``; every command that is now complete, in order."""
        self._buffer += data
        commands: list[Command] = []
        while True:
            if self._pending is not None:
                # A repeated Content-Length is read as a further body; the last one stays.
                wanted = sum(self._lengths)
                if len(self._buffer) < wanted:
                    return commands
                self._pending.body = self._buffer[wanted - self._lengths[-1] : wanted]
                self._buffer = self._buffer[wanted:]
                commands.append(self._pending)
                self._pending = None
            start = 0
            while start < len(self._buffer) and self._buffer[start] in b"\r\n":
                start += 1
            if start:
                self._buffer = self._buffer[start:]
            end = self._buffer.find(b"\n\n")
            skip = 2
            if b"\r" in self._buffer:
                end, skip = _blank_line(self._buffer)
            if end < 0:
                if len(self._buffer) > LARGEST_BLOCK:
                    raise ProtocolError("a header block of more than 10 MB")
                return commands
            block = self._buffer[: end + skip]
            self._buffer = self._buffer[end + skip :]
            command, lengths = _read_block(block)
            if lengths:
                self._pending, self._lengths = command, lengths
            else:
                commands.append(command)


def _blank_line(buffer: bytes) -> tuple[int, int]:
    """Where two newlines stand with nothing but carriage returns between, and their length."""
    newlines = 0
    for i, c in enumerate(buffer):
        if c == 0x0A:
            newlines += 1
            if newlines == 2:
                return i - 1, 2
        elif c != 0x0D:
            newlines = 0
    return -1, 0


def _read_block(block: bytes) -> tuple[Command, list[int]]:
    command = Command(decode(block))
    lengths: list[int] = []
    if b"ontent-" not in block.lower():
        return command, lengths
    for value in command.headers.all("content-length"):
        length = leading_int(value)
        if not 0 <= length <= LARGEST_BODY:
            raise ProtocolError(f"Content-Length {value!r} is out of range")
        if length:
            lengths.append(length)
    return command, lengths


def _read_headers(text: str) -> Headers:
    headers = Headers(unique=False)
    headers.add("Command", text)
    rest = text
    first = True
    while rest:
        # A line ends at the next carriage return, wherever that is, and only without one at the
        # next newline: so one stray return swallows every header before it.
        cut = rest.find("\r")
        if cut < 0:
            cut = rest.find("\n")
        line, rest = (rest, "") if cut < 0 else (rest[:cut], rest[cut:].lstrip("\r\n"))
        if first:
            first = False
            continue
        name, colon, value = line.partition(":")
        if not name or not colon:
            continue
        headers.add(name, value.lstrip(" "))
    return headers


def extension_of(command: Command) -> list[Application] | None:
    """The applications of a ``sendmsg`` with ``call-command: xferext``; None for other commands.

    switch_ivr_parse_event (switch_ivr.c), CMD_XFEREXT.
    """
    if command.name != "sendmsg":
        return None
    plain = _plain_extension(command.text)
    if plain is not None:
        return plain
    if command.headers.get("call-command") != "xferext":
        return None
    return [split_application(line) for line in command.headers.all("application")]


_PLAIN_HEAD: Final = "sendmsg\ncall-command: xferext\n"


def _plain_extension(text: str) -> list[Application] | None:
    """The extension of a block in the form vnroute writes it; None for any other form.

    A short cut: without carriage returns, lists and empty values the long way comes to the same.
    """
    if not text.startswith(_PLAIN_HEAD) or "\r" in text:
        return None
    extension: list[Application] = []
    for line in text[len(_PLAIN_HEAD) : -2].split("\n"):
        name, _, value = line.partition(": ")
        if name != "application" or not value or value[0] in " A":
            return None
        extension.append(split_application(value))
    return extension


def read_answer(data: bytes) -> tuple[list[Application] | None, list[Command]]:
    """A server's whole answer: the extension it hands over (None without one) and all commands.

    The last ``xferext`` counts, and nothing counts behind an ``exit``.  Raises
    :class:`ProtocolError` where FreeSWITCH would hang up on the server.
    """
    commands = CommandReader().feed(data)
    extension: list[Application] | None = None
    for command in commands:
        if command.name == "exit":
            break
        given = extension_of(command)
        if given is not None:
            extension = given
    return extension, commands
