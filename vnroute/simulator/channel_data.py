"""CHANNEL_DATA: what FreeSWITCH tells a server about the call, in reply to ``connect``.

The list and order of the headers are those a FreeSWITCH 1.11 sent for a plain SIP call.  Values
are URL-encoded as ``switch_url_encode_opt`` (``src/switch_utils.c``) does it, which leaves alone a
``%XX`` that is in the value already: a SIP header with ``%0A`` in it so reaches the server as an
encoded newline.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from .cstring import encode, holds_variable

# SWITCH_URL_UNSAFE, blanks and everything outside of printable ASCII; a percent sign only where no
# two upper-case hexadecimal digits follow it.
_UNSAFE: Final = re.compile(
    rb"%(?![0-9A-F][0-9A-F])|[^!$'()*,\-./0-9A-Z_a-z~%]",
)
_VARIABLE_MARK: Final = re.compile(r"\$(?=\\*\{)")
_ESCAPES: Final = {bytes((i,)): b"%%%02X" % i for i in range(256)}


def url_encode(value: str) -> bytes:
    """``value`` as it stands in an event: ``switch_url_encode`` (switch_utils.c)."""
    raw = encode(value)
    return _UNSAFE.sub(_escape, raw) if _UNSAFE.search(raw) else raw


def _escape(found: re.Match[bytes]) -> bytes:
    return _ESCAPES[found.group()]


def defuse(value: str) -> str:
    """``${`` becomes ``%{``, as in the fields of a caller profile (switch_string_var_check)."""
    return _VARIABLE_MARK.sub("%", value) if "$" in value else value


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the From number (E.164 with a plus, or as the carrier sends it) and its name."""

    number: str
    name: str = ""
    host: str = "carrier.example"


@dataclass(frozen=True, slots=True)
class Switch:
    """The FreeSWITCH that the simulator plays: what it says of itself in each event."""

    name: str = "sim"
    core_uuid: str = "5681ee1d-5e72-46f4-8867-d7a3a6e24c57"
    ipv4: str = "192.0.2.2"
    ipv6: str = "fd00::2"
    profile: str = "ext"
    context: str = "public"
    sip_address: str = "127.0.0.1"
    sip_port: int = 5080
    carrier_address: str = "127.0.0.1"
    carrier_port: int = 15060


@dataclass(slots=True)
class Setup:
    """One incoming call, before anything is decided.

    ``microseconds`` is when it arrived (Unix time); ``extra`` are further channel variables that
    its INVITE made, such as ``sip_h_X-Campaign``, in order.
    """

    uuid: str
    did: str
    caller: Caller
    microseconds: int
    session_id: int = 1
    sequence: int = 1
    profile_index: int = 1
    max_forwards: int = 70
    call_id: str = ""
    tag: str = ""
    branch: str = ""
    event_microseconds: int = 0
    extra: Iterable[tuple[str, str]] = ()
    switch: Switch = field(default_factory=Switch)

    def __post_init__(self) -> None:
        if not self.event_microseconds:
            self.event_microseconds = self.microseconds
        if not self.call_id:
            self.call_id = f"{self.session_id}-sim@{self.switch.carrier_address}"
        if not self.tag:
            self.tag = f"sim{self.session_id}"
        if not self.branch:
            self.branch = f"z9hG4bK-sim-{self.session_id}-0"


_PROFILE_FIELDS: Final = """
{p}-Direction: inbound
{p}-Logical-Direction: inbound
{p}-Username: %(number)b
{p}-Dialplan: XML
{p}-Caller-ID-Name: %(name)b
{p}-Caller-ID-Number: %(number)b
{p}-Orig-Caller-ID-Name: %(name)b
{p}-Orig-Caller-ID-Number: %(number)b
{p}-Network-Addr: %(carrier)b
{p}-ANI: %(number)b
{p}-Destination-Number: %(did)b
{p}-Unique-ID: %(uuid)b
{p}-Source: mod_sofia
{p}-Context: %(context)b
{p}-Channel-Name: %(channel)b
{p}-Profile-Index: %(profile_index)d
{p}-Profile-Created-Time: %(created)b
{p}-Channel-Created-Time: %(created)b
{p}-Channel-Answered-Time: 0
{p}-Channel-Progress-Time: 0
{p}-Channel-Progress-Media-Time: 0
{p}-Channel-Hangup-Time: 0
{p}-Channel-Transfer-Time: 0
{p}-Channel-Resurrect-Time: 0
{p}-Channel-Bridged-Time: 0
{p}-Channel-Last-Hold: 0
{p}-Channel-Hold-Accum: 0
{p}-Screen-Bit: true
{p}-Privacy-Hide-Name: false
{p}-Privacy-Hide-Number: false
""".strip()

_SDP: Final = (
    "v%%3D0%%0D%%0Ao%%3Duser1%%2053655765%%202353687637%%20IN%%20IP4%%20127.0.0.1%%0D%%0As%%3D-"
    "%%0D%%0Ac%%3DIN%%20IP4%%20127.0.0.1%%0D%%0At%%3D0%%200%%0D%%0Am%%3Daudio%%2016000%%20RTP/AVP"
    "%%200%%208%%0D%%0Aa%%3Drtpmap%%3A0%%20PCMU/8000%%0D%%0Aa%%3Drtpmap%%3A8%%20PCMA/8000%%0D%%0A"
)

_CODECS: Final = ",".join(
    f"CORE_PCM_MODULE.{codec}%%408000h%%4020i%%4064000b" for codec in ("PCMU", "PCMA")
)

_TEMPLATE: Final = f"""
Event-Name: CHANNEL_DATA
Core-UUID: %(core)b
FreeSWITCH-Hostname: %(host)b
FreeSWITCH-Switchname: %(host)b
FreeSWITCH-IPv4: %(ipv4)b
FreeSWITCH-IPv6: %(ipv6)b
Event-Date-Local: %(local)b
Event-Date-GMT: %(gmt)b
Event-Date-Timestamp: %(stamp)b
Event-Calling-File: mod_event_socket.c
Event-Calling-Function: parse_command
Event-Calling-Line-Number: 2029
Event-Sequence: %(sequence)d
{_PROFILE_FIELDS.format(p="Channel")}
Channel-State: CS_EXECUTE
Channel-Call-State: RINGING
Channel-State-Number: 4
Channel-Name: %(channel)b
Unique-ID: %(uuid)b
Call-Direction: inbound
Presence-Call-Direction: inbound
Channel-HIT-Dialplan: true
Channel-Call-UUID: %(uuid)b
Answer-State: ringing
{_PROFILE_FIELDS.format(p="Caller")}
variable_direction: inbound
variable_uuid: %(uuid)b
variable_session_id: %(session)d
variable_sip_from_user: %(number)b
variable_sip_from_uri: %(number)b%%40%(from_host)b
variable_sip_from_host: %(from_host)b
variable_video_media_flow: disabled
variable_audio_media_flow: disabled
variable_text_media_flow: disabled
variable_channel_name: %(channel)b
variable_sip_call_id: %(call_id)b
variable_sip_local_network_addr: %(sip)b
variable_sip_network_ip: %(carrier)b
variable_sip_network_port: %(carrier_port)d
variable_sip_invite_stamp: %(created)b
variable_sip_received_ip: %(carrier)b
variable_sip_received_port: %(carrier_port)d
variable_sip_via_protocol: udp
variable_sip_from_user_stripped: %(stripped)b
variable_sip_from_tag: %(tag)b
variable_sofia_profile_name: %(profile)b
variable_sofia_profile_url: sip%%3Amod_sofia%%40%(sip)b%%3A%(sip_port)d
variable_recovery_profile_name: %(profile)b
variable_sip_full_via: SIP/2.0/UDP%%20%(carrier)b%%3A%(carrier_port)d%%3Bbranch%%3D%(branch)b
%(from_lines)bvariable_sip_full_to: %%3Csip%%3A%(did)b%%40%(sip)b%%3A%(sip_port)d%%3E
variable_sip_req_user: %(did)b
variable_sip_req_port: %(sip_port)d
variable_sip_req_uri: %(did)b%%40%(sip)b%%3A%(sip_port)d
variable_sip_req_host: %(sip)b
variable_sip_to_user: %(did)b
variable_sip_to_port: %(sip_port)d
variable_sip_to_uri: %(did)b%%40%(sip)b%%3A%(sip_port)d
variable_sip_to_host: %(sip)b
variable_sip_contact_user: carrier
variable_sip_contact_port: %(carrier_port)d
variable_sip_contact_uri: carrier%%40%(carrier)b%%3A%(carrier_port)d
variable_sip_contact_host: %(carrier)b
variable_rtp_use_codec_string: PCMU,PCMA
variable_sip_via_host: %(carrier)b
variable_sip_via_port: %(carrier_port)d
variable_max_forwards: %(max_forwards)d
%(extra)bvariable_switch_r_sdp: {_SDP}
variable_ep_codec_string: {_CODECS}
variable_endpoint_disposition: DELAYED%%20NEGOTIATION
variable_call_uuid: %(uuid)b
%(added)bvariable_current_application_data: %(socket)b
variable_current_application: socket
variable_socket_host: %(socket_host)b
Content-Type: command/reply
Reply-Text: %%2BOK%%0A
Socket-Mode: static
Control: single-channel

""".lstrip().encode()


@lru_cache(maxsize=16)
def _template_for(switch: Switch) -> bytes:
    """The template with everything filled in that is the same for every call of one switch."""
    fixed = {
        b"core": switch.core_uuid.encode(),
        b"host": url_encode(switch.name),
        b"ipv4": switch.ipv4.encode(),
        b"ipv6": url_encode(switch.ipv6),
        b"profile": url_encode(switch.profile),
        b"context": url_encode(switch.context),
        b"sip": url_encode(switch.sip_address),
        b"carrier": url_encode(switch.carrier_address),
    }
    numbers = {b"sip_port": switch.sip_port, b"carrier_port": switch.carrier_port}
    text = _TEMPLATE
    for name, value in fixed.items():
        text = text.replace(b"%%(%b)b" % name, value.replace(b"%", b"%%"))
    for name, number in numbers.items():
        text = text.replace(b"%%(%b)d" % name, b"%d" % number)
    return text


@lru_cache(maxsize=8)
def _dates(second: int) -> tuple[bytes, bytes]:
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
    gmt = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
    return url_encode(local), url_encode(gmt)


@lru_cache(maxsize=4096)
def _caller_fields(caller: Caller) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    """Number, name, host, number without plus, and what stands before and behind the From tag."""
    number = url_encode(defuse(caller.number))
    mark = "tag-goes-here"
    before, _, behind = _from_lines(caller, mark).partition(mark.encode())
    return (
        number,
        url_encode(defuse(caller.name)) if caller.name else number,
        url_encode(caller.host),
        url_encode(defuse(caller.number.removeprefix("+"))),
        before,
        behind,
    )


def _from_lines(caller: Caller, tag: str) -> bytes:
    # A variable whose value holds "${" is refused (switch_channel_set_variable_var_check).
    full = f"<sip:{caller.number}@{caller.host}>;tag={tag}"
    if caller.name:
        full = f'"{caller.name}" {full}'
    lines = b""
    if caller.name and not holds_variable(encode(caller.name)):
        lines += b"variable_sip_from_display: %b\n" % url_encode(caller.name)
    if not holds_variable(encode(full)):
        lines += b"variable_sip_full_from: %b\n" % url_encode(full)
    return lines


def _variable_lines(variables: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(
        b"variable_%b: %b\n" % (encode(name), url_encode(value))
        for name, value in variables
        if value and not holds_variable(encode(value))
    )


def encode_channel_data(
    setup: Setup,
    socket_host: str = "127.0.0.1",
    socket_argument: str = "127.0.0.1:8084",
    added: Mapping[str, str] | None = None,
) -> bytes:
    """The whole reply to ``connect``, blank line included: about 5.3 KB for a plain call.

    ``socket_argument`` is the argument of the ``socket`` application and ``socket_host`` the host
    that answered; ``added`` are variables the plan has set since the call came in.
    """
    number, name, from_host, stripped, before_tag, behind_tag = _caller_fields(setup.caller)
    tag = url_encode(setup.tag)
    event = setup.event_microseconds
    local, gmt = _dates(event // 1_000_000)
    switch = setup.switch
    return _template_for(switch) % {
        b"local": local,
        b"gmt": gmt,
        b"stamp": b"%d" % event,
        b"sequence": setup.sequence,
        b"profile_index": setup.profile_index,
        b"number": number,
        b"name": name,
        b"did": url_encode(defuse(setup.did)),
        b"uuid": setup.uuid.encode(),
        b"channel": b"sofia/%b/%b%%40%b" % (url_encode(switch.profile), number, from_host),
        b"created": b"%d" % setup.microseconds,
        b"session": setup.session_id,
        b"from_host": from_host,
        b"call_id": url_encode(setup.call_id),
        b"stripped": stripped,
        b"tag": tag,
        b"branch": url_encode(setup.branch),
        b"from_lines": before_tag + tag + behind_tag if behind_tag else before_tag,
        b"max_forwards": setup.max_forwards,
        b"extra": _variable_lines(setup.extra) if setup.extra else b"",
        b"added": _variable_lines(added.items()) if added else b"",
        b"socket": url_encode(socket_argument),
        b"socket_host": url_encode(socket_host),
    }


def channel_variables(setup: Setup) -> dict[str, str]:
    """The A leg's variables at the start of the plan, and the caller profile's fields by name.

    What ``${...}`` finds before the plan has set anything.
    """
    caller, switch = setup.caller, setup.switch
    number, name = defuse(caller.number), defuse(caller.name or caller.number)
    did = defuse(setup.did)
    variables = {
        "direction": "inbound",
        "uuid": setup.uuid,
        "call_uuid": setup.uuid,
        "session_id": str(setup.session_id),
        "sip_from_user": number,
        "sip_from_host": caller.host,
        "sip_from_uri": f"{number}@{caller.host}",
        "sip_from_user_stripped": number.removeprefix("+"),
        "sip_req_user": did,
        "sip_to_user": did,
        "sip_call_id": setup.call_id,
        "sip_network_ip": switch.carrier_address,
        "channel_name": f"sofia/{switch.profile}/{number}@{caller.host}",
        "max_forwards": str(setup.max_forwards),
        "username": number,
        "dialplan": "XML",
        "caller_id_name": name,
        "caller_id_number": number,
        "network_addr": switch.carrier_address,
        "ani": number,
        "destination_number": did,
        "source": "mod_sofia",
        "context": switch.context,
    }
    variables.update((key, value) for key, value in setup.extra if value)
    return variables
