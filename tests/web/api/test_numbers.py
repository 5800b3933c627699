"""Numbers over HTTP: pages, ETags, whose they are, and live without compiling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.web.api.conftest import Asker
from vnroute.cli.session import Session
from vnroute.compiler import build_generation
from vnroute.image.generations import overlay_path
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.matcher.image import RouteImage
from vnroute.matcher.overlay import Overlay
from vnroute.store import open_store

ONE, THEIRS, NEW = "/numbers/+18005551234", "/numbers/+18005554321", "/numbers/+18005550009"


def compiled(home: Path) -> Path:
    store = open_store(str(home))
    images = Session(home=home).settings.images
    with store.snapshot() as reading:
        build_generation(reading, images, horizon_years=1, max_attempts=6, latest=store.snapshot)
    store.close()
    return images


def plan_of(images: Path, number: str) -> str | None:
    image = RouteImage(images / "route-0000000001.vni")
    matcher = Matcher(image)
    path = overlay_path(images, 1)
    matcher.lay(Overlay(path, image) if path.exists() else None)
    return explain(matcher, number, "", 1795453200).plan


def test_a_number_is_live_with_the_answer(ask: Callable[..., Asker], home: Path) -> None:
    owner = ask()
    assert owner("PUT", "/plans/acme-night", {"account": "acme", "steps": [{"hangup": "relay"}]})
    images = compiled(home)
    tag = owner.etag(ONE)
    entry = {"account": "acme", "plan": "acme-night"}
    assert owner("PUT", ONE, entry).status_code == 428
    found = owner("PUT", ONE, entry, If_Match=tag)
    told = found.json()
    assert (found.status_code, told["live"], told["generation"]) == (200, True, 1)
    assert told["overlay"] == told["change_counter"]
    assert plan_of(images, "+18005551234") == "acme-night"
    assert owner("PUT", ONE, entry, If_Match=tag).status_code == 412
    made = owner("PUT", NEW, entry, If_None_Match="*")
    assert (made.status_code, made.json()["live"]) == (201, True)
    assert plan_of(images, "+18005550009") == "acme-night"
    assert made.headers["etag"] == owner.etag(NEW)
    gone = owner("DELETE", NEW, If_Match=made.headers["etag"])
    assert gone.json()["removed"] == 1 and gone.json()["live"]
    assert plan_of(images, "+18005550009") is None
    assert owner("GET", NEW).status_code == 404
    audit = owner("GET", "/audit?kind=numbers&key=%2B18005550009").json()["items"]
    assert [bool(one["after"]) for one in audit] == [False, True]
    wrong = owner("PUT", NEW, {"account": "acme", "plan": "other-main"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "plan")


def test_an_account_moves_its_own_numbers_only(ask: Callable[..., Asker]) -> None:
    mine = ask("operator", "acme")
    assert mine("GET", THEIRS).status_code == 404
    assert mine("PUT", THEIRS, {"plan": "acme-main"}, If_Match="*").status_code == 404
    assert mine("PUT", NEW, {"plan": "acme-main"}).status_code == 404
    assert mine("DELETE", ONE, If_Match="*").status_code == 403
    tag = mine.etag(ONE)
    suspended = {"plan": "acme-main", "state": "suspended"}
    assert mine("PUT", ONE, suspended, If_Match=tag).status_code == 403
    moved = mine("PUT", ONE, {"plan": "acme-main", "campaign": "spring"}, If_Match=tag)
    assert (moved.status_code, moved.json()["changed"]) == (200, 1)
    assert ask("viewer", "acme")("PUT", ONE, suspended).status_code == 403
    listed = mine("GET", "/numbers").json()["items"]
    assert [one["number"]["number"] for one in listed] == ["+18005551234"]
    assert mine("GET", "/numbers?account=other").json()["items"] == []
    edit = {"remove": {"numbers": ["+18005551234"]}}
    assert mine("POST", "/edits", edit).status_code == 403


def test_pages_of_numbers(ask: Callable[..., Asker]) -> None:
    owner = ask()
    entries = [
        {"number": f"+1444555{n:04d}", "account": "acme", "plan": "acme-main",
         "campaign": "odd" if n % 2 else "even"}
        for n in range(30)
    ]  # fmt: skip
    assert owner("POST", "/edits", {"put": {"numbers": entries}}).status_code == 200
    seen: list[Any] = []
    after = ""
    while True:
        page = owner("GET", f"/numbers?prefix=1444&campaign=odd&limit=4&after={after}").json()
        seen += [one["number"]["number"] for one in page["items"]]
        after = page["next"]
        if not after:
            break
    assert seen == [f"+1444555{n:04d}" for n in range(1, 30, 2)]
    assert owner("GET", "/numbers?prefix=x").status_code == 400
    assert owner("GET", "/numbers?plan=nobodys").json() == {"items": [], "next": ""}
