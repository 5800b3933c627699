from __future__ import annotations

from pathlib import Path

import pytest

from vnroute.loadtest.profile import read_profile, shipped_profiles
from vnroute.model.problem import RoutingDataError

GOOD = """\
about: A profile.
callers:
  - name: some
    arrivals: {steady: 1, seconds: 1}
carriers:
  gwA: {answer: 0ms}
default: {refuse: 503}
"""


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RoutingDataError) as error:
        read_profile(str(path))
    return str(error.value).replace(str(path), "mine.yaml")


def test_every_shipped_profile_is_read() -> None:
    names = set(shipped_profiles())
    assert {"smoke", "refusals", "carrier-dies", "router-dies", "burst", "callers-cancel",
            "hostile", "soak", "knee", "compare"} <= names  # fmt: skip
    for name in names:
        assert read_profile(name).about


def test_a_good_profile(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert read_profile(str(path)).callers[0].name == "some"


def test_a_profile_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(RoutingDataError, match=r"'refusal', expected a file, or one of .*smoke.*"):
        read_profile("refusal")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: some", "nmae: some", "mine.yaml:3: callers[0].nmae: found an unknown name"),
        ("name: some", "name: Some One", "callers[0].name: found 'Some One', expected small"),
        ("steady: 1,", "steady: x,", "mine.yaml:4: callers[0].arrivals.steady: found 'x'"),
        ("about: A profile.\n", "", "about: found nothing, expected a value"),
        ("answer: 0ms", "answer: 0", "ok"),
        ("{answer: 0ms}", "{anwser: 0ms}", "mine.yaml:6: carriers.gwA.anwser: found 'anwser'"),
        ("{answer: 0ms}", "{refuse: 666}", "expected a refusal that carriers can play: 400,"),
        ("{answer: 0ms}", "asleep", "carriers.gwA: found 'asleep', expected closed, silent"),
        ("default:", "seed: many\ndefault:", "seed: found str, expected int"),
        ("default:", "events: [{at: 1s, kill: all}]\ndefault:", "events[0].kill"),
        (
            "default:",
            "events: [{at: 1s, carrier: gwZ, becomes: silent}]\ndefault:",
            "events[0].carrier: found 'gwZ', expected a carrier of this profile: gwA, gwB, gwC",
        ),
        (
            "default:",
            "events: [{at: 1s, kill: node, node: 2}]\ndefault:",
            "events[0].node: found 2, expected a node from 1 to 1",
        ),
        (
            "default:",
            "expect: [{to: dierct, code: 200}]\ndefault:",
            "expect[0].to: found 'dierct', expected a number or one of direct",
        ),
        ("default:", "callers: [\ndefault:", "expected YAML"),
        (
            "name: some",
            "name: some\n    ported: {rn: '12'}",
            "callers[0].ported.rn: found '12', expected a routing number such as +12125550000",
        ),
        (
            "name: some",
            "name: some\n    ported: {npdi: false}",
            "callers[0].ported.rn: found neither rn nor npdi",
        ),
    ],
)
def test_what_is_wrong_is_pointed_at(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    if told == "ok":
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        read_profile(str(path))
    else:
        assert told in refused(tmp_path, text)
