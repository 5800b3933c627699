"""Gateway files, and their errors that point at the spot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from vnroute.simulator.gateways import ALL_ANSWER, Behaviour, Gateways, GatewaysError

FILE = """\
gateways:
  gwA: {answer: 200ms, talk: 2s, hangup: callee}
  gwB: {refuse: 503, after: 20ms}
  gwC: silent
  gwD: {early_media: 100ms, refuse: 503}
  gwE: {ringing: 50ms, ring: forever}
  gwF: down
  gwG: {mix: [{weight: 9, answer: 0ms}, {weight: 1, refuse: 486}]}
  gwH: {refuse: {503: 9, 486: 1}}
  gwI: {answer: [1s, 6s]}
  gwJ: {refuse: [404, 480]}
  gwK: {mix: [{ring: never}, {answer: 0}]}
default: {answer: 0ms}
numbers:
  "12125550100": {refuse: 486}
profiles:
  ext: {answer: 0ms}
"""


def signals(gateways: Gateways, name: str, number: str = "1") -> tuple[tuple[float, int], ...]:
    _, _, behaviour = gateways.resolve(f"gateway/{name}/{number}")
    assert isinstance(behaviour, Behaviour)
    return behaviour.script(random.Random(7)).signals


def test_behaviours() -> None:
    gateways = Gateways.from_text(FILE)
    assert signals(gateways, "gwA") == ((0.0, 100), (0.2, 200))
    assert signals(gateways, "gwB") == ((0.0, 100), (0.02, 503))
    assert signals(gateways, "gwC") == ()
    assert signals(gateways, "gwD") == ((0.0, 100), (0.1, 183), (0.1, 503))
    assert signals(gateways, "gwE") == ((0.0, 100), (0.05, 180))
    assert signals(gateways, "unlisted") == ((0.0, 100), (0.0, 200))
    assert signals(gateways, "gwA", "12125550100") == ((0.0, 100), (0.0, 486))
    ((_, _), (at, status)) = signals(gateways, "gwI")
    assert 1 <= at <= 6 and status == 200
    talk = gateways.gateways["gwA"].script(random.Random(1))
    assert talk.talk == 2.0 and talk.callee_hangs_up


def test_weights() -> None:
    gateways = Gateways.from_text(FILE)
    rng = random.Random(3)
    for name, expected in (("gwG", {200, 486}), ("gwH", {503, 486}), ("gwJ", {404, 480})):
        drawn = [gateways.gateways[name].script(rng).signals[-1][1] for _ in range(400)]
        assert set(drawn) == expected
    drawn = [gateways.gateways["gwH"].script(rng).signals[-1][1] for _ in range(1000)]
    assert 850 < drawn.count(503) < 950
    assert () in {gateways.gateways["gwK"].script(rng).signals for _ in range(50)}


@pytest.mark.parametrize(
    ("destination", "result"),
    [
        ("gateway/gwF/1", "GATEWAY_DOWN"),
        ("gateway/gwA", "INVALID_URL"),
        ("nothing", "INVALID_URL"),
        (None, "INVALID_URL"),
        ("other/1@192.0.2.1", "INVALID_PROFILE"),
    ],
)
def test_refused_at_once(destination: str | None, result: str) -> None:
    assert Gateways.from_text(FILE).resolve(destination)[2] == result


def test_unknown_gateway_without_a_default() -> None:
    gateways = Gateways.from_mapping({"gateways": {"gwA": {"answer": "0"}}})
    assert gateways.resolve("gateway/other/1")[2] == "INVALID_GATEWAY"


def test_number_and_parameters() -> None:
    gateways = Gateways.from_text(FILE)
    assert gateways.resolve("gateway/gwA/123;x=y")[:2] == ("gwA", "123")
    assert gateways.resolve("gateway/gwA/123^456")[:2] == ("gwA", "123")
    assert isinstance(gateways.resolve("ext/12125550100@192.0.2.1")[2], Behaviour)
    assert isinstance(ALL_ANSWER.resolve("gateway/any/1")[2], Behaviour)


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("gateways:\n  gwA: {answer: soon}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {answer: 1s,\n    refuse: 503}\n", 3, "gateways.gwA"),
        ("gateways:\n  gwA: {refuse: 200}\n", 2, "gateways.gwA.refuse"),
        ("gateways:\n  gwA: {refuse: []}\n", 2, "gateways.gwA.refuse"),
        ("gateways:\n  gwA: {answr: 1s}\n", 2, "gateways.gwA.answr"),
        ("gateways:\n  gwA: sleepy\n", 2, "gateways.gwA"),
        ("gateways:\n  gwA: {answer: 1s}\n  gwA: silent\n", 3, "gateways.gwA"),
        ("gateways:\n  gwA: {mix: [{weight: 0, answer: 1s}]}\n", 2, "gateways.gwA.mix[0].weight"),
        ("gateways:\n  gwA: {mix: [down]}\n", 2, "gateways.gwA.mix[0]"),
        ("gateways:\n  gwA: {mix: []}\n", 2, "gateways.gwA.mix"),
        ("gateways:\n  gwA: {answer: [2s, 1s]}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {answer: [2s]}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {answer: 2h}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {answer: 9999s}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {ring: loudly}\n", 2, "gateways.gwA.ring"),
        ("gateways:\n  gwA: {ring: forever, answer: 1s}\n", 2, "gateways.gwA.answer"),
        ("gateways:\n  gwA: {after: 1s}\n", 2, "gateways.gwA.after"),
        ("gateways:\n  gwA: {answer: 1s, hangup: nobody}\n", 2, "gateways.gwA.hangup"),
        ("gateways: [a]\n", 1, "gateways"),
        ("numbers:\n  '1': down\n", 2, "numbers.1"),
        ("gatways: {}\n", 1, "gatways"),
        ("- a\n", 1, "file"),
        ("", 0, "file"),
        ("a: [\n", 2, "YAML"),
        ("? [a]\n: b\n", 1, "key"),
        ("gateways: &a {x: *a}\n", 0, "file"),
    ],
)
def test_errors_point_at_the_spot(text: str, line: int, field: str) -> None:
    with pytest.raises(GatewaysError) as caught:
        Gateways.from_text(text, "lab.yaml")
    error = caught.value
    assert (error.file, error.line, error.field) == ("lab.yaml", line, field)
    assert error.found and error.expected
    assert str(error).startswith(f"lab.yaml:{line}: " if line else "lab.yaml: ")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    with pytest.raises(GatewaysError, match="readable file"):
        Gateways.from_file(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GatewaysError, match="UTF-8"):
        Gateways.from_file(path)
    path.write_text(FILE)
    assert "gwA" in Gateways.from_file(path).gateways
