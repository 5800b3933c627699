"""CDRs as mod_json_cdr posts them: one JSON document a call, and what could not be posted on disk.

Sources: ``switch_ivr_generate_json_cdr`` (switch_ivr.c) for what stands where, ``generate_cdr`` and
``process_cdr`` (mod_json_cdr.c) for how it is sent.  Values of variables are URL-encoded
(``encode-values``), those of the caller profile are not.  Each record has a connection of its own,
three seconds, and one try; whatever is not answered with 200 is written to the error directory as
``UUID.cdr.json``, and never posted again.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from .causes import NUMBERS
from .channel_data import channel_variables, defuse, url_encode

if TYPE_CHECKING:
    from .records import CallRecord
    from .switch import Session

#: What becomes of a CDR.
TAKEN: Final = "taken"
KEPT: Final = "kept"
LOST: Final = "lost"

_TIMEOUT: Final = 3.0
_PROFILE: Final = frozenset(
    {"username", "dialplan", "caller_id_name", "caller_id_number", "network_addr", "ani"}
    | {"destination_number", "source", "context"}
)
_NORMAL_CLEARING: Final = NUMBERS["NORMAL_CLEARING"]


def _moments(session: Session) -> dict[str, int]:
    """When what happened, in microseconds of Unix time; 0 for what did not.

    A CDR comes when its call ends.  Where the simulation's clock runs ahead of the real one, the
    whole call is taken to have begun so much earlier: no call ends in the future.
    """
    end = session.epoch + session.now
    ahead = max(end - time.time(), 0.0)

    def at(seconds: float | None) -> int:
        if seconds is None:
            return 0
        return round((session.epoch + seconds - ahead) * 1_000_000)

    start = min(session.setup.microseconds - round(ahead * 1_000_000), at(session.now))
    return {
        "start": start,
        "profile_start": start,
        "answer": at(session.answered_at),
        "bridge": at(session.bridged_at),
        "progress": at(session.progress_at),
        # Plans pass over early media: the first that the caller hears is the answer.
        "progress_media": at(session.answered_at),
        "end": at(session.now),
    }


def encode_cdr(session: Session, record: CallRecord) -> bytes:
    """The JSON that mod_json_cdr makes of a call that has ended, ``log-b-leg`` false."""
    setup, channel = session.setup, session.channel
    variables = channel_variables(setup)
    profile = {name: variables.pop(name) for name in _PROFILE}
    if setup.caller.name:
        variables["sip_from_display"] = defuse(setup.caller.name)
    variables |= channel.variables
    moments = _moments(session)
    number = NUMBERS.get(channel.cause, _NORMAL_CLEARING)
    variables["hangup_cause"] = channel.cause
    # From 128 on they are FreeSWITCH's own (switch_channel_get_cause_q850).
    variables["hangup_cause_q850"] = str(number if number < 128 else _NORMAL_CLEARING)
    for name, moment in moments.items():
        variables[f"{name}_epoch"] = str(moment // 1_000_000)
        variables[f"{name}_uepoch"] = str(moment)
    lasted = moments["end"] - moments["start"]
    billed = moments["end"] - moments["answer"] if moments["answer"] else 0
    variables["duration"] = str(lasted // 1_000_000)
    variables["billsec"] = str(billed // 1_000_000)
    steps = [step.partition(" ") for step in record.plan]
    applications = [{"app_name": name, "app_data": data} for name, _, data in steps]
    document: dict[str, Any] = {
        "core-uuid": setup.switch.core_uuid,
        "switchname": setup.switch.name,
        "channel_data": {"state": "CS_REPORTING", "direction": "inbound", "state_number": "11"},
        "callStats": {},
        "variables": {name: _encoded(value) for name, value in variables.items()},
        "app_log": {"applications": applications},
        "callflow": [
            {
                "dialplan": "XML",
                "profile_index": "1",
                "extension": {"name": "xferext", "number": "xferext", "applications": applications},
                "caller_profile": {
                    **profile,
                    "uuid": setup.uuid,
                    "chan_name": f"sofia/{setup.switch.profile}/{profile['caller_id_number']}",
                },
                "times": {
                    "created_time": str(moments["start"]),
                    "progress_time": str(moments["progress"]),
                    "progress_media_time": str(moments["progress_media"]),
                    "answered_time": str(moments["answer"]),
                    "bridged_time": str(moments["bridge"]),
                    "hangup_time": str(moments["end"]),
                },
            }
        ],
    }
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        # Bytes that were no UTF-8 on the wire are in FreeSWITCH's JSON as they came.
        return _raw(document)


def _encoded(value: str) -> str:
    # Most are numbers and words, and need no look at each byte.
    return value if value.isascii() and value.isalnum() else url_encode(value).decode()


def _raw(document: dict[str, Any]) -> bytes:
    import json

    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogateescape")


class CdrPost:
    """Posts CDRs to one URL; with a directory, keeps there what was not taken.

    ``url`` is ``http://HOST:PORT/PATH``.  Raises ValueError for what is none, and for a directory
    that cannot be written.
    """

    def __init__(self, url: str, directory: str | os.PathLike[str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is no address for CDRs; expected http://127.0.0.1:8085/cdr")
        self.host = parts.hostname
        self.port = parts.port or 80
        path = parts.path or "/"
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: freeswitch-json/1.0\r\n"
            "Accept: */*\r\nContent-Type: application/json\r\nConnection: close\r\n"
            "Content-Length: "
        ).encode()
        self.directory = None if directory is None else Path(directory)
        if self.directory is not None:
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ValueError(f"{directory}: {error.strerror or error}") from error

    async def post(self, session: Session, record: CallRecord) -> str:
        """Post one call's CDR; return what became of it."""
        body = encode_cdr(session, record)
        try:
            async with asyncio.timeout(_TIMEOUT):
                if await self._status(body) == b"200":
                    return TAKEN
        except OSError:  # and TimeoutError, which is one
            pass
        if self.directory is None:
            return LOST
        try:
            # Written aside first: whoever collects the directory never sees half a record.
            name = self.directory / f"{record.uuid}.cdr.json"
            part = name.with_suffix(".part")
            part.write_bytes(body)
            part.rename(name)
        except OSError:
            return LOST
        return KEPT

    async def collected(self, seconds: float) -> None:
        """Wait until all that is on disk was collected, so long at most."""
        end = time.monotonic() + seconds
        while (
            self.directory is not None
            and any(self.directory.glob("*.cdr.json"))
            and time.monotonic() < end
        ):
            await asyncio.sleep(0.2)

    async def _status(self, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            return (await reader.readline())[9:12]
        finally:
            writer.close()
