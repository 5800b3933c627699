"""The ways into a FreeSWITCH that ``compare`` holds beside each other.

Each routes every call to one carrier that answers at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from vnroute.loadtest.peers import PEERS
from vnroute.loadtest.routes import Routes
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.matcher.image import RouteImage

__all__ = ["GATEWAY", "WAYS", "Way", "dialplan", "files", "plan_actions"]

GATEWAY = "gwA"
"""The one gateway behind every way."""


@dataclass(frozen=True)
class Way:
    """A way in: its dialplan's actions (none: fs-conf's own), modules and files.

    ``peer`` names another outbound server; ``{place}`` and ``{url}`` in actions and files are where
    the server of the way listens. ``marks`` begin a server's answer on the wire. With ``planned``
    the actions are what vnroute answers (:func:`plan_actions`).
    """

    about: str
    actions: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    peer: str = ""
    marks: tuple[bytes, ...] = ()
    planned: bool = False


_BRIDGE = f"sofia/gateway/{GATEWAY}/${{destination_number}}"
WAYS = {
    "static": Way(
        "static XML dialplan, one bridge",
        (("set", "hangup_after_bridge=true"), ("bridge", _BRIDGE)),
    ),
    "static_plan": Way("static XML dialplan that says vnroute's whole plan", planned=True),
    "vnroute": Way("fs-conf as shipped: sync socket, xferext", marks=(b"sendmsg",)),
    "lua": Way(
        "mod_lua: a script that bridges",
        (("lua", "route.lua"),),
        ("mod_lua",),
        (
            (
                "scripts/route.lua",
                'session:setVariable("hangup_after_bridge", "true")\n'
                'local number = session:getVariable("destination_number")\n'
                f'session:execute("bridge", "sofia/gateway/{GATEWAY}/" .. number)\n',
            ),
        ),
    ),
    "xml_curl": Way(
        "mod_xml_curl: the dialplan over HTTP, from a small server in Python",
        (),
        ("mod_xml_curl",),
        (
            (
                "conf/autoload_configs/xml_curl.conf.xml",
                '<configuration name="xml_curl.conf" description="cURL XML"><bindings>'
                '<binding name="route"><param name="gateway-url" value="{url}"'
                ' bindings="dialplan"/></binding></bindings></configuration>\n',
            ),
        ),
        marks=(b"HTTP/1.",),
    ),
    **{
        name: Way(
            f"socket{peer.mode or ' (sync)'}: {peer.about}",
            (("socket", f"{{place}}{peer.mode}"),),
            peer=name,
            marks=(b"sendmsg",),
        )
        for name, peer in PEERS.items()
        if name != "streams_uvloop"
    },
}
"""Ways that the profile may name in ``ways``; it takes all where it names none."""


def plan_actions(routes: Routes) -> tuple[tuple[str, str], ...]:
    """Return what vnroute answers to a call of one number, as actions of a dialplan for all calls.

    A leg's uuid keeps its first four digits; the others are the call's own, since one that is used
    twice fails its leg.
    """
    matcher = Matcher(RouteImage(routes.image))
    data = channel_data(routes.called(())[0], "+12125550100")
    own = r"origination_uuid=\1${uuid:4}"
    return tuple(
        (name, re.sub(r"origination_uuid=([0-9a-f]{4})[0-9a-f-]{32}", own, argument))
        for name, argument in applications_of(matcher.decide(data, time.time()))
    )


def dialplan(way: Way, place: str, planned: Sequence[tuple[str, str]] = ()) -> str | None:
    """Return the dialplan of a way whose server listens at a place; None where fs-conf's holds.

    ``planned`` are the actions of a way that says vnroute's plan.
    """
    actions = planned if way.planned else way.actions
    if not actions:
        return None
    lines = "\n".join(
        f'<action application="{name}" data="{escape(_put(data, place))}"/>'
        for name, data in actions
    )
    # FreeSWITCH's pre-processor works by lines, and drops those with "include" in them.
    return (
        '<include>\n<context name="vnroute"><extension name="way"><condition>\n'
        f"{lines}\n</condition></extension></context>\n</include>\n"
    )


def files(way: Way, place: str) -> dict[str, str]:
    """Return the files of a way whose server listens at a place."""
    return {path: _put(text, place) for path, text in way.files}


def _put(text: str, place: str) -> str:
    # Not format(): FreeSWITCH has braces of its own.
    return text.replace("{place}", place).replace("{url}", f"http://{place}/")
