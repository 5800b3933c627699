"""The real switch: fixtures, a reason to skip without it, and a summary of what was counted.

With VNROUTE_SEEN=FILE the rows of the tables are written there as they were seen, a line of JSON
each, for ``python -m tests.policy_table FILE`` and the like to make docs' tables of.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.freeswitch.harness import missing
from tests.freeswitch.lab import Lab

_lines = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "freeswitch: needs a FreeSWITCH binary on this machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("freeswitch") is not None:
        why = missing()
        if why is not None:
            pytest.skip(why)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that adds a line to the summary at the end of the run."""
    lines = request.config.stash.setdefault(_lines, [])
    name = request.node.name

    def add(line: str) -> None:
        lines.append(f"{name}: {line}")

    return add


@pytest.fixture
def note(report: Callable[[str], None]) -> Callable[[Mapping[str, Any]], None]:
    """Return a function that notes how a row of a table went."""

    def write(seen: Mapping[str, Any]) -> None:
        line = json.dumps(seen)
        report(line)
        if "VNROUTE_SEEN" in os.environ:
            with Path(os.environ["VNROUTE_SEEN"]).open("a") as file:
                file.write(f"{line}\n")

    return write


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(_lines, [])
    if lines:
        terminalreporter.section("on the real switch")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return one switch for a module, which asks a canned server."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    with Lab() as running:
        yield running
