"""An overlay over an image answers as if all had been compiled anew; and what waits for that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.compiler import build_generation
from vnroute.compiler.overlay import Overlays, OverlayState, refresh_overlays
from vnroute.image.generations import current_image, generation_of, overlay_path
from vnroute.image.overlay import overlay_header
from vnroute.importing.editing import edit
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.matcher.image import RouteImage
from vnroute.matcher.overlay import Overlay
from vnroute.model import RoutingDataError
from vnroute.store import Store, open_store

NOW = 1795453200
DAY = 86400
MOMENTS = (NOW - 40 * DAY, NOW, NOW + 9 * 3600, NOW + 40 * DAY)


def plan(key: str, account: str, *ring: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"ring": [one], "seconds": 20} for one in ring]
    return {"id": key, "account": account, "steps": [*steps, {"hangup": "USER_BUSY"}]}


def number(text: str, leads: str, **more: str) -> dict[str, Any]:
    return {"number": text, "account": leads.partition("-")[0], "plan": leads, **more}


RUNG_OURS, RUNG_OTHER = "+12125550100", "+19175550123"
BASE: dict[str, Any] = {
    "accounts": [
        {"id": "acme", "time_zone": "America/New_York", "screen": "lax"},
        {"id": "gone", "state": "suspended"},
    ],
    "schedules": [{"id": "office", "open": [{"days": "mon-fri", "hours": "09:00-17:00"}]}],
    "plans": [
        plan("acme-main", "acme", RUNG_OURS, "+442079460999"),
        plan("acme-night", "acme"),
        plan("acme-far", "acme", RUNG_OTHER),
        {"id": "acme-hours", "account": "acme", "steps": [
            {"when": "office", "ring": ["+442079460998"]}, {"hangup": "NO_ANSWER"}]},
        plan("gone-main", "gone"),
    ],
    "carriers": [{"id": "alpha", "gateways": [{"id": "alpha-1", "gateway": "gw"}]}],
    "rates": [{"prefix": p, "carrier": "alpha", "rate": "0.01"} for p in ("1", "44")],
    "lists": [{"id": "nuisance", "callers": ["+1312555*"]}],
    "screens": [
        {"id": "strict", "rules": [{"block": "nuisance", "treat": "CALL_REJECTED"}]},
        {"id": "lax", "rules": [{"rate": "5/60", "treat": "USER_BUSY"}]},
    ],
    "numbers": [
        number("+18005550001", "acme-main", campaign="spring"),
        number("+18005550002", "acme-far"),
        number("+18885550003", "acme-hours"),
        number("+18005550004", "gone-main"),
        number(RUNG_OURS, "acme-hours"),
    ],
    "blocks": [{"block": "+1888555xxxx", "account": "acme", "plan": "acme-night"}],
}  # fmt: skip
NUMBERS = [
    "+18005550001", "+18005550002", "+18885550003", "+18005550004", "+18005550005",
    "+18885550006", "+442079460123", RUNG_OURS, RUNG_OTHER,
]  # fmt: skip
WAYS = st.fixed_dictionaries(
    {"plan": st.sampled_from([one["id"] for one in BASE["plans"] if one["id"] != "acme-main"])},
    optional={
        "campaign": st.sampled_from(["spring", "autumn"]),
        "state": st.sampled_from(["active", "suspended", "reserved", "ported-out"]),
        "screen": st.sampled_from(["strict", "lax"]),
        "from": st.sampled_from(["2026-11-01", "2026-12-24"]),
        "until": st.sampled_from(["2026-12-25", "2027-01-01"]),
    },
)
EDITS = st.lists(
    st.dictionaries(st.sampled_from(NUMBERS), st.none() | WAYS, min_size=1, max_size=3),
    min_size=1,
    max_size=6,
)


class Home:
    """A store and its images, copied from one that was compiled."""

    def __init__(self, directory: Path, base: Path | None = None) -> None:
        if base is not None:
            shutil.rmtree(directory, ignore_errors=True)
            shutil.copytree(base, directory, symlinks=True)
        self.images = directory / "images"
        self.store: Store = open_store(str(directory))
        self.overlays = Overlays(self.images)

    def compile(self) -> None:
        with self.store.snapshot() as reading:
            build_generation(
                reading, self.images, horizon_years=2, max_attempts=6, now=NOW,
                latest=self.store.snapshot,
            )  # fmt: skip

    def put(self, *numbers: dict[str, Any], **more: Any) -> int:
        sections = {"numbers": list(numbers), **more}
        return edit(self.store, sections, {}, what="put", who="test").change_counter

    def remove(self, *numbers: str) -> int:
        with self.store.transaction("remove") as writing:
            writing.remove_numbers([int(one[1:]) for one in numbers])
        return self.store.change_counter()

    def refresh(self) -> OverlayState:
        """Lay numbers over what was laid before; as if all were laid anew."""
        state = self.overlays.refresh(self.store.snapshot)
        assert state is not None
        path = current_image(self.images)
        assert path is not None
        over = overlay_path(self.images, generation_of(path))
        kept = over.read_bytes() if over.exists() else b""
        assert refresh_overlays(self.images, self.store.snapshot) == state
        assert (over.read_bytes() if over.exists() else b"") == kept
        return state

    def matcher(self) -> Matcher:
        path = current_image(self.images)
        assert path is not None
        matcher = Matcher(RouteImage(path), seed=1)
        over = overlay_path(self.images, matcher.image.generation)
        matcher.lay(Overlay(over, matcher.image) if over.exists() else None)
        return matcher


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("base") / "home")
    edit(home.store, BASE, {}, what="set up", who="test")
    home.compile()
    home.store.close()
    return home.images.parent


@pytest.fixture
def home(base: Path, tmp_path: Path) -> Home:
    return Home(tmp_path / "home", base)


def answer(matcher: Matcher, called: str, moment: float) -> list[tuple[str, str]]:
    reply = applications_of(matcher.decide(channel_data(called, "+13125550000"), moment))
    said = [(name, re.sub(r"vn_(generation|overlay)=\d+;?", "", text)) for name, text in reply]
    return [(name, re.sub(r"origination_uuid=[^\],]*", "", text)) for name, text in said]


def same(one: Matcher, other: Matcher) -> None:
    for called in NUMBERS:
        for moment in MOMENTS:
            assert answer(one, called, moment) == answer(other, called, moment), called
            told = [explain(each, called, "+13125550000", moment) for each in (one, other)]
            assert (told[0].steps, told[0].refused, told[0].service, told[0].plan) == (
                told[1].steps, told[1].refused, told[1].service, told[1].plan,
            )  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=EDITS)
def test_base_and_overlay_answer_as_a_compilation(
    edits: list[dict[str, dict[str, str] | None]], base: Path, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home", base)
    before = home.matcher()
    try:
        for changes in edits:
            home.remove(*(one for one, way in changes.items() if way is None))
            try:
                home.put(
                    *(number(one, way["plan"], **{k: v for k, v in way.items() if k != "plan"})
                      for one, way in changes.items() if way is not None)
                )  # fmt: skip
            except RoutingDataError as error:
                # The check for loops holds for numbers changed one by one, and refuses all of it.
                assert "loop" in error.problems[0].found
            home.refresh()
        state = home.refresh()
        over = home.matcher()
        waits = {
            one for changes in edits for one, way in changes.items()
            if (one == RUNG_OTHER and way is not None) or (one == RUNG_OURS and way is None)
        }  # fmt: skip
        assert bool(state.waiting) <= bool(waits)
        if state.waiting:
            # Until then it is rung as it was.
            assert answer(over, "+18005550009", NOW) == answer(before, "+18005550009", NOW)
        home.compile()
        assert not overlay_path(home.images, 2).exists()
        if not state.waiting:
            same(over, home.matcher())
    finally:
        home.store.close()


def test_what_changes_more_than_numbers_waits(home: Home) -> None:
    mixed = home.put(number("+18005550001", "acme-new"), plans=[plan("acme-new", "acme")])
    assert home.refresh().waiting == {mixed}
    later = home.put(number("+18005550002", "acme-night"))
    state = home.refresh()
    assert state.holds(later) and not state.holds(mixed) and state.needs_compilation
    matcher = home.matcher()
    assert explain(matcher, "+18005550001", "", NOW).plan == "acme-main"
    assert explain(matcher, "+18005550002", "", NOW).plan == "acme-night"
    # To a plan that the image does not have: it stays where it was put last.
    waiting = home.put(number("+18005550002", "acme-new"))
    assert home.refresh().waiting == {mixed, waiting}
    assert explain(home.matcher(), "+18005550002", "", NOW).plan == "acme-night"
    home.compile()
    assert explain(home.matcher(), "+18005550002", "", NOW).plan == "acme-new"


def test_a_number_changed_during_a_compilation_stays_changed(home: Home) -> None:
    with home.store.snapshot() as reading:
        later = home.put(number("+18005550001", "acme-night"))
        assert home.refresh().holds(later)
        build_generation(
            reading, home.images, horizon_years=2, max_attempts=6, now=NOW,
            latest=home.store.snapshot,
        )  # fmt: skip
    matcher = home.matcher()
    assert matcher.image.generation == 2
    assert explain(matcher, "+18005550001", "", NOW).plan == "acme-night"
    # Workers that have not opened the new generation yet are told as well.
    home.put(number("+18005550001", "acme-hours"))
    home.refresh()
    old = RouteImage(home.images / "route-0000000001.vni")
    before = Matcher(old)
    before.lay(Overlay(overlay_path(home.images, 1), old))
    assert explain(before, "+18005550001", "", NOW).plan == "acme-hours"
    assert explain(home.matcher(), "+18005550001", "", NOW).plan == "acme-hours"


def test_a_change_of_very_many_numbers_waits(home: Home) -> None:
    many = home.put(*(number(f"+1444{n:07d}", "acme-night") for n in range(10_001)))
    state = home.refresh()
    assert state.waiting == {many} and not state.numbers
    fewer = home.put(*(number(f"+1445{n:07d}", "acme-night") for n in range(10_000)))
    state = home.refresh()
    assert state.holds(fewer) and state.numbers == 10_000
    assert explain(home.matcher(), "+14450009999", "", NOW).plan == "acme-night"
    header = overlay_header(overlay_path(home.images, 1))
    assert header is not None and (header.numbers, header.waiting) == (10_000, 1)
