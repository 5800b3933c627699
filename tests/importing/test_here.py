"""Steps that hear phones, in routing files: what is refused, where, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vnroute.importing import Input, load
from vnroute.importing.editing import edit
from vnroute.model import RoutingDataError
from vnroute.store import Store, open_store

ROUTES = """\
accounts:
  - {id: acme, trust_ani: true}
  - {id: other, trust_ani: true}
persons:
  - id: ana
    account: acme
    place: desk
    places: {desk: "user:1@pbx.example", mobile: "+19175550123"}
  - {id: eve, account: other, place: home, places: {home: "+12125550100"}}
plans:
  - id: feature
    account: acme
    steps:
      - {here: {person: ana, at: mobile, until: 8h}}
      - {hangup: INCOMING_CALL_BARRED}
numbers: [{number: "+18005550010", account: acme, plan: feature}]
"""
HERE = "here: {person: ana, at: mobile, until: 8h}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path))
    yield opened
    opened.close()


def problems(store: Store, path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(RoutingDataError) as error:
        load(store, [Input(str(path))])
    return "\n".join(map(str, error.value.problems))


@pytest.mark.parametrize(
    ("place", "at", "found"),
    [
        ('{to: "917"}', "persons[0].places.mobile.to:", "'917'"),
        ('{to: "+19175550123", show: nobody}', "persons[0].places.mobile.show:", "'nobody'"),
        ('{to: "+19175550123", seconds: x}', "persons[0].places.mobile.seconds:", "'x'"),
        ('{to: "+19175550123", second: 9}', "persons[0].places.mobile.second:", "'second'"),
        ("[1]", "persons[0].places.mobile:", "a list"),
    ],
)
def test_what_is_wrong_with_a_place_is_told_at_its_field(
    store: Store, tmp_path: Path, place: str, at: str, found: str
) -> None:
    text = ROUTES.replace('mobile: "+19175550123"', f"mobile: {place}")
    told = problems(store, tmp_path / "r.yaml", text)
    assert f"{at} found " in told and found in told and told.count("\n") == 0


@pytest.mark.parametrize(
    ("before", "after", "place", "said"),
    [
        ("id: acme, trust_ani: true", "id: acme", "steps[0].here:", "trust_ani: true"),
        (HERE, "here: {person: anna, at: mobile}", "here.person:", "did you mean ana"),
        (HERE, "here: {person: eve, at: home}", "here.person:", "a person of the account 'acme'"),
        (HERE, "here: {person: ana, at: mobil}", "here.at:", "did you mean mobile"),
        (HERE, "here: {person: ana}", "here.at:", "neither at nor clear"),
        (HERE, "here: {person: ana, at: desk, clear: true}", "here.at:", "both at and clear"),
        (HERE, "here: {person: ana, clear: true, until: 8h}", "here.until:", "beside clear"),
        (HERE, "here: {person: ana, at: desk, until: soon}", "here.until:", "a time of day"),
        (HERE, "here: {person: ana, at: desk, until: 0m}", "here.until:", "a span such as"),
        (HERE, "here: {person: ana, at: desk, until: 2026-11-23T14:00}", "here.until:", "a span"),
        (HERE, "here: {person: ana, at: desk, play: '${x}'}", "here.play:", "a sound file"),
        (HERE, "here: {person: ana, at: desk, pin: 1}", "here.pin:", "unknown field"),
        (HERE, "here: mobile", "steps[0].here:", "fields such as person"),
        (HERE, "here: {person: ana, at: desk}, play: x.wav", "steps[0]", "one of ring, play, here"),
        (HERE, 'ring: ["+19175550123"]}\n      - {' + HERE, "steps[1].here:", "before all steps"),
        ('mobile: "+19175550123"', "mobile: user:2@pbx.example", "person:", "no number is known"),
        ("    place: desk\n", "    place: desk\n    phones: ['0123']\n", "phones[0]:", "E.164"),
        ("      - {hangup: INCOMING_CALL_BARRED}\n", "", "steps[0]:", "here as the last step"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_place_and_meaning(
    store: Store, tmp_path: Path, before: str, after: str, place: str, said: str
) -> None:
    assert before in ROUTES
    path = tmp_path / "routes.yaml"
    told = problems(store, path, ROUTES.replace(before, after))
    assert said in told
    assert place in told
    assert f"{path}:" in told
    assert len(told.splitlines()) == 1, told


@pytest.mark.parametrize(
    ("kind", "entity", "field"),
    [
        ("accounts", {"id": "acme"}, "accounts[0].trust_ani"),
        ("persons", {"id": "ana", "account": "acme", "place": "desk",
                     "places": {"desk": "user:1@pbx.example"}}, "persons[0].phones"),
        ("persons", {"id": "ana", "account": "acme", "place": "desk",
                     "places": {"desk": "+12125550100"}}, "persons[0].places"),
        ("persons", {"id": "ana", "account": "other", "place": "desk",
                     "places": {"desk": "+12125550100", "mobile": "+12125550101"}},
         "persons[0].account"),
    ],
)  # fmt: skip
def test_what_a_stored_plan_goes_by_is_not_taken_from_it(
    store: Store, tmp_path: Path, kind: str, entity: dict[str, object], field: str
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    load(store, [Input(str(path))])
    with pytest.raises(RoutingDataError) as error:
        edit(store, {kind: [entity]}, {}, what="edit", who="test")
    told = "\n".join(map(str, error.value.problems))
    assert field in told
    assert "'feature'" in told


def test_a_person_whose_phones_a_plan_hears_is_not_removed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    load(store, [Input(str(path))])
    with pytest.raises(RoutingDataError, match="the plan 'feature' still uses"):
        edit(store, {}, {"persons": ["ana"]}, what="edit", who="test")


def test_a_plan_that_hears_phones_comes_back_as_it_was_loaded(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    load(store, [Input(str(path))])
    (plan,) = store.plans()
    here = plan.steps[0].here
    assert here is not None
    assert (here.person, here.at, here.until, here.clear) == ("ana", "mobile", "8h", False)
    again = load(store, [Input(str(path))])
    assert not again.total.touched
