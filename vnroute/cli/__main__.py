"""``python -m vnroute.cli`` is the command ``vnroute``."""

from vnroute.cli import main

main()
