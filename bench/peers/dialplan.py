"""What every peer here routes: 1,000 numbers, each to three gateways in turn.

PEER_ROUTES names a JSON file with others: the dial string of each number.
"""

import json
import os
import sys
from pathlib import Path

GATEWAY = "[leg_timeout=20]sofia/gateway/"
_FILE = os.environ.get("PEER_ROUTES")
ROUTES: dict[str, str] = (
    json.loads(Path(_FILE).read_text())
    if _FILE
    else {
        f"4420{i:08d}": "|".join(f"{GATEWAY}gw{k}/44161{i:07d}" for k in (1, 2, 3))
        for i in range(1000)
    }
)


def place() -> tuple[str, int]:
    """Return host and port of the command line: PORT [HOST]."""
    return sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", int(sys.argv[1])
