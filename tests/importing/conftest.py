from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vnroute.importing import Input, Report, load
from vnroute.model import RoutingDataError
from vnroute.store import Store, open_store

BASE = """\
accounts:
  - {id: acme, time_zone: America/New_York, allow: ["+1", "+44"]}
  - {id: other}
schedules:
  - id: office-hours
    time_zone: America/New_York
    open: [{days: mon-fri, hours: 09:00-17:00}]
plans:
  - id: acme-main
    account: acme
    steps:
      - {when: office-hours, ring: [+12125550100], seconds: 20}
      - {ring: ["+19175550123"], seconds: 25}
      - {hangup: USER_BUSY}
  - id: other-main
    account: other
    steps: [{hangup: relay}]
numbers:
  - {number: "+18005551234", account: acme, plan: acme-main, campaign: spring-26}
blocks:
  - {block: "+1888555xxxx", account: acme, plan: acme-main}
carriers:
  - id: alpha
    gateways: [{id: alpha-1, gateway: gwA, format: "{e164_digits}"}]
rates:
  - {prefix: "+1", carrier: alpha, rate: 0.01}
"""


class Desk:
    """A store, and files to be loaded into it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder

    def file(self, name: str, content: str | bytes) -> Input:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Input(str(path))

    def load(self, *files: tuple[str, str | bytes], **options: Any) -> Report:
        return load(self.store, [self.file(*file) for file in files], **options)

    def state(self) -> tuple[Any, ...]:
        """All there is, to be compared."""
        store = self.store
        return (
            store.change_counter(),
            store.counts(),
            store.accounts(),
            store.plans(),
            store.carriers(),
            list(store.iter_numbers()),
            list(store.iter_blocks()),
            list(store.iter_rates()),
        )

    def refused(self, *files: tuple[str, str | bytes], **options: Any) -> list[str]:
        """Load what must be refused; return the problems, without the folder."""
        before = self.state()
        with pytest.raises(RoutingDataError) as caught:
            self.load(*files, **options)
        assert self.state() == before, "something was applied"
        return [str(problem).replace(f"{self.folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "files").mkdir()
    store = open_store(tmp_path / "home")
    yield Desk(store, tmp_path / "files")
    store.close()


@pytest.fixture
def furnished(desk: Desk) -> Desk:
    """A store with the base loaded (change 1)."""
    desk.load(("base.yaml", BASE))
    return desk


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def replaced() -> Callable[[str, str], str]:
    """The base with one text in place of another."""

    def replace(old: str, new: str) -> str:
        assert BASE.count(old) == 1
        return BASE.replace(old, new)

    return replace
