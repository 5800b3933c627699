"""What the benchmarks share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import corpus

#: Rows of every table that is looked into, and virtual numbers that vnroute holds.
TABLE_SIZE = 1_000_000


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for what is built in the course of a run."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def dids() -> list[str]:
    """The virtual numbers that vnroute holds; the peers hold the first thousand."""
    return [corpus.did(i) for i in range(TABLE_SIZE)]
