"""A dialplan over HTTP for mod_xml_curl: what the profile ``compare`` holds the socket against.

Run as ``python -m vnroute.loadtest.xml_route ADDRESS PORT GATEWAY``; it answers every question with
a bridge to the number that was called.
"""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

__all__ = ["command", "main"]

_XML = """<?xml version="1.0"?>
<document type="freeswitch/xml"><section name="dialplan"><context name="vnroute">
<extension name="route"><condition>
<action application="set" data="hangup_after_bridge=true"/>
<action application="bridge" data="sofia/gateway/{gateway}/{number}"/>
</condition></extension></context></section></document>
"""


class _Server(ThreadingHTTPServer):
    # A second's calls ask all at once; the default backlog of 5 would refuse most.
    request_queue_size = 1024
    daemon_threads = True
    gateway = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer one question of mod_xml_curl."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        asked = parse_qs(body).get("Caller-Destination-Number", [""])[0]
        number = re.sub(r"[^0-9]", "", asked)
        gateway = self.server.gateway if isinstance(self.server, _Server) else ""
        text = _XML.format(gateway=gateway, number=number).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def command(address: str, port: int, gateway: str) -> list[str]:
    """Return the command that starts the server."""
    return [sys.executable, "-m", "vnroute.loadtest.xml_route", address, str(port), gateway]


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    address, port, gateway = arguments
    server = _Server((address, int(port)), _Handler)
    server.gateway = gateway
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
