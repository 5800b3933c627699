"""Each test of the store of calls runs over every database that may stand behind it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Postgres, missing

_names = (f"calls{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def new_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes addresses of stores that are empty, each another."""
    if request.param == "sqlite":
        return lambda: str(tmp_path_factory.mktemp("home"))
    server: Postgres = request.getfixturevalue("postgres")
    return lambda: server.database(next(_names))


@pytest.fixture
def address(new_address: Callable[[], str], tmp_path: Path) -> str:
    """Return the address of an empty store."""
    return new_address()
