"""What a run asks of the machine and of FreeSWITCH's settings, before anything is started."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.machine import raise_descriptors
from vnroute.loadtest.profile import Profile, Switch, read_profile
from vnroute.loadtest.real import check_limits
from vnroute.loadtest.traffic import PlannedCall


@pytest.fixture
def fs_conf(tmp_path: Path) -> Path:
    (tmp_path / "vars.xml").write_text(
        '<set data="vnroute_sessions_per_second=400"/><set data="vnroute_max_sessions=1000"/>'
    )
    return tmp_path


def planned(rate: int, seconds: int, hold: float) -> dict[str, list[PlannedCall]]:
    calls = [
        PlannedCall("g", n, n / rate, "+18005551234", "+34", "", hold, 60.0)
        for n in range(rate * seconds)
    ]
    return {"g": calls}


def profile(**switch: Any) -> Profile:
    import msgspec

    return msgspec.structs.replace(read_profile("smoke"), switch=Switch(**switch))


def test_a_rate_that_fits(fs_conf: Path) -> None:
    assert check_limits(profile(), fs_conf, planned(20, 3, 1.0), 3) == {}


def test_too_few_sessions_a_second(fs_conf: Path) -> None:
    with pytest.raises(LoadTestError, match=r"want 804 sessions a second.* set to 400: set switch"):
        check_limits(profile(), fs_conf, planned(200, 2, 0.1), 3)
    found = check_limits(
        profile(sessions_per_second=2000, max_sessions=9000), fs_conf, planned(200, 2, 0.1), 3
    )
    assert found["vnroute_sessions_per_second"] == "2000"


def test_too_few_sessions(fs_conf: Path) -> None:
    with pytest.raises(LoadTestError, match="is set to 1000: set switch"):
        check_limits(profile(), fs_conf, planned(40, 30, 60.0), 3)


def test_too_few_file_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    with pytest.raises(LoadTestError, match=r"about 9,000 open files, and .* may have 4,096"):
        raise_descriptors(9000, "a run")
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    assert raise_descriptors(2000, "a run") == 2000
    assert raised == [(2000, 4096)]
