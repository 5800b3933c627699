"""Accounts, schedules, plans and carriers: read page by page, changed one by one or together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from vnroute.access.identity import Identity, Role
from vnroute.importing.catalogue import KINDS
from vnroute.importing.removing import NUMBERS
from vnroute.importing.routing_file import SECTIONS, one_of
from vnroute.model.e164 import parse_number
from vnroute.model.problem import FieldError
from vnroute.store.base import Transaction
from vnroute.web.api.body import etag, items, json_of
from vnroute.web.api.changes import Changes, check_etag
from vnroute.web.api.parameters import Dry, IfMatch, IfNoneMatch, Wait
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs

__all__ = ["check_numbers", "entity_handlers", "owner_of"]

_WHOSE = {
    kind: fields["account"].default
    for kind, fields in (
        (kind, {field.name: field for field in msgspec.structs.fields(struct)})
        for kind, struct in SECTIONS.items()
    )
    if "account" in fields
}
_SHARED = {kind for kind, default in _WHOSE.items() if default == ""}
"""Kinds that may be nobody's own, and then everybody's to use."""

_OWNED = {"accounts", *_WHOSE} - {"blocks"}
"""Kinds that belong to accounts. All others are the system's own: to one who is limited to an
account they are not there. Blocks are the carrier's inventory."""

_MOST = 500
_Limit = Annotated[int, QueryParameter(ge=1, le=_MOST, description="Entries in a page.")]
_Id = Annotated[str, PathParameter(max_length=64)]
_Text = Annotated[str, QueryParameter(max_length=100)]
_After = Annotated[str, QueryParameter(max_length=64, description="The next of the page before.")]


def _writer(kind: str) -> Role:
    """Return the role that changing a kind asks for."""
    return "admin" if kind == "accounts" else "operator"


class _Owned(msgspec.Struct):
    account: str = ""


_owned = msgspec.json.Decoder(_Owned)


def owner_of(kind: str, key: str, document: bytes) -> str:
    """Return the account that an entity belongs to, empty where it is nobody's own."""
    return key if kind == "accounts" else _owned.decode(document).account


def _sees(identity: Identity, kind: str, key: str, document: bytes | None) -> bool:
    """Whether an entity is one's to see; a schedule of nobody's own is everybody's."""
    if document is None or not identity.account:
        return document is not None
    owner = owner_of(kind, key, document)
    return owner == identity.account or (kind in _SHARED and not owner)


def _check_put(identity: Identity, kind: str, position: int, entry: Any) -> None:
    """Refuse what one limited to an account would put into another's, or into the system's."""
    if not identity.account or not isinstance(entry, dict):
        return
    given = entry.get("id" if kind == "accounts" else "account", "")
    if kind not in _OWNED or given != identity.account:
        field = f"{kind}[{position}].{'id' if kind == 'accounts' else 'account'}"
        error = {"field": field, "found": repr(given)[:80], "expected": repr(identity.account)}
        raise Refused(
            403, f"{identity.name} may change the account {identity.account} only", [error]
        )


def _check_kinds(identity: Identity, kinds: Collection[str]) -> None:
    for kind in kinds:
        role = _writer(kind)
        if not identity.is_at_least(role):
            raise Refused(403, f"{identity.name} is {identity.role}; {kind} ask for {role}")
        if identity.account and kind not in _OWNED:
            raise Refused(403, f"{identity.name} may change the account {identity.account} only")


def _guard(
    identity: Identity,
    put_entries: Mapping[str, Sequence[Any]],
    remove: Mapping[str, Collection[str]],
    matches: Mapping[tuple[str, str], tuple[str, str]],
) -> Callable[[Transaction], None]:
    """Return what looks at the stored state: that it is theirs, and the one that they have seen."""

    def allowed(writing: Transaction) -> None:
        if identity.account:
            for kind in NUMBERS:
                if remove.get(kind):
                    raise Refused(403, f"{identity.name} may not remove {kind}")
            check_numbers(identity, writing, put_entries.get("numbers", ()))
        for kind in KINDS:
            touched = [e.get("id") for e in put_entries.get(kind, ()) if isinstance(e, dict)]
            for key in (*touched, *remove.get(kind, ())):
                if not isinstance(key, str):
                    continue
                current = writing.entity(kind, key)
                if current is not None and identity.account:
                    owner = owner_of(kind, key, current)
                    if owner != identity.account:
                        if kind in _SHARED and not owner:
                            raise Refused(403, f"{key} is shared by all accounts")
                        raise not_there(f"{kind}/{key}")
                if (kind, key) in matches:
                    if current is None and key in remove.get(kind, ()):
                        raise not_there(f"{kind}/{key}")
                    check_etag(current, *matches[kind, key], f"{kind}/{key}")

    return allowed


def check_numbers(identity: Identity, writing: Transaction, entries: Sequence[Any]) -> None:
    """Refuse numbers that are not the account's already: it may say where its own lead, no more."""
    given: dict[int, str] = {}
    said: dict[int, dict[str, Any]] = {}
    for entry in entries:
        text = entry.get("number", "") if isinstance(entry, dict) else ""
        try:
            number = parse_number(text)
            given[number], said[number] = text, entry
        except (FieldError, TypeError, AttributeError):
            continue  # refused with its place, along with all that is wrong
    there = writing.find_numbers(given)
    known = writing.assignments_of(there.values())
    for number, text in given.items():
        now = known.get(there.get(number, -1))
        if now is None or now.account != identity.account:
            raise not_there(f"numbers/{text[:40]}")
        fixed = {"state": now.state, "from": now.since, "until": now.until,
                 "ported_to": now.ported_to}  # fmt: skip
        for field, value in fixed.items():
            wanted = said[number].get(field, "active" if field == "state" else "")
            if wanted != value:
                error = {"field": field, "found": repr(wanted)[:80], "expected": repr(value)}
                raise Refused(403, f"{identity.name} may say where {text} leads, no more", [error])


def entity_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers of every kind, and of edits that take several at once."""
    made = [handler for kind in KINDS for handler in _handlers_of(kind, changes)]
    return [*made, _edits(changes)]


def _handlers_of(kind: str, changes: Changes) -> list[HTTPRouteHandler]:
    one = one_of(kind)

    def read(key: str) -> bytes | None:
        store = changes.store()
        try:
            return store.entity(kind, key)
        finally:
            store.close()

    @get(f"/{kind}", name=f"list_{kind}", sync_to_thread=True, tags=[kind],
         summary=f"List {kind}", operation_id=f"list_{kind}")  # fmt: skip
    def listed(
        request: Request[Any, Any, Any],
        after: _After = "",
        limit: _Limit = 100,
        account: _Text = "",
        like: _Text = "",
    ) -> Response[dict[str, Any]]:
        """Return a page of them by id; ``like`` finds a text within ids."""
        identity: Identity = request.user
        if identity.account and account not in ("", identity.account):
            return items([], limit, "")
        if identity.account and kind not in _OWNED:
            raise Refused(404)
        store = changes.store()
        try:
            found = store.entities(
                kind, after, limit, account=identity.account or account, like=like
            )
        finally:
            store.close()
        page = [{"etag": etag(document), one: msgspec.Raw(document)} for _, document in found]
        return items(page, limit, found[-1][0] if found else "")

    @get(f"/{kind}/{{key:str}}", name=f"get_{one}", sync_to_thread=True, tags=[kind],
         summary=f"Read one of the {kind}", operation_id=f"get_{one}")  # fmt: skip
    def shown(request: Request[Any, Any, Any], key: _Id) -> Response[bytes]:
        """Return one, with its ETag."""
        document = read(key)
        if document is None or not _sees(request.user, kind, key, document):
            raise not_there(f"{kind}/{key}")
        return Response(document, media_type="application/json", headers={"ETag": etag(document)})

    @put(f"/{kind}/{{key:str}}", name=f"put_{one}", tags=[kind], guards=[needs(_writer(kind))],
         summary=f"Make or change one of the {kind}", operation_id=f"put_{one}")  # fmt: skip
    async def stored(
        request: Request[Any, Any, Any],
        key: _Id,
        if_match: IfMatch = "",
        if_none_match: IfNoneMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Make one, or change the one whose ETag ``If-Match`` names."""
        identity: Identity = request.user
        entry = await json_of(request)
        if isinstance(entry, dict):
            if entry.setdefault("id", key) != key:
                error = {"field": "id", "found": repr(entry["id"])[:80], "expected": repr(key)}
                raise Refused(422, "the id differs from the one in the path", [error])
            _check_put_one(identity, kind, key, entry)
        put_entries = {kind: [entry]}
        guard = _guard(identity, put_entries, {}, {(kind, key): (if_match, if_none_match)})
        told = await changes.make(
            put_entries, {}, what=f"put {one} {key}", identity=identity, allowed=guard,
            dry_run=dry_run, wait=wait, within=f"{kind}[0].",
        )  # fmt: skip
        document = await asyncio.to_thread(read, key)
        headers = {"ETag": etag(document)} if document is not None and not dry_run else None
        return Response(
            told, status_code=201 if told["added"] and not dry_run else 200, headers=headers
        )

    @delete(f"/{kind}/{{key:str}}", name=f"delete_{one}", tags=[kind], status_code=200,
            guards=[needs(_writer(kind))], summary=f"Remove one of the {kind}",
            operation_id=f"delete_{one}")  # fmt: skip
    async def removed(
        request: Request[Any, Any, Any],
        key: _Id,
        if_match: IfMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Remove the one whose ETag ``If-Match`` names; what is still referred to stays."""
        identity: Identity = request.user
        if identity.account and kind not in _OWNED:
            raise not_there(f"{kind}/{key}")
        remove = {kind: [key]}
        guard = _guard(identity, {}, remove, {(kind, key): (if_match, "")})
        told = await changes.make(
            {}, remove, what=f"remove {one} {key}", identity=identity, allowed=guard,
            dry_run=dry_run, wait=wait,
        )  # fmt: skip
        return Response(told)

    def _check_put_one(identity: Identity, kind: str, key: str, entry: dict[str, Any]) -> None:
        if identity.account and kind not in _OWNED:
            raise not_there(f"{kind}/{key}")
        if identity.account and kind == "accounts" and key != identity.account:
            raise not_there(f"{kind}/{key}")
        if identity.account and kind != "accounts":
            document = read(key)
            if document is not None and not _sees(identity, kind, key, document):
                raise not_there(f"{kind}/{key}")
            entry.setdefault("account", identity.account)
        _check_put(identity, kind, 0, entry)

    return [listed, shown, stored, removed]


def _edits(changes: Changes) -> HTTPRouteHandler:
    @post("/edits", tags=["edits"], status_code=200, guards=[needs("operator")],
          summary="Change many at once", operation_id="edit")  # fmt: skip
    async def edited(
        request: Request[Any, Any, Any], dry_run: Dry = False, wait: Wait = 0.0
    ) -> Response[dict[str, Any]]:
        """Put and remove entries of several kinds: all of it or nothing.

        ``put`` has the sections of a routing file, ``remove`` ids by kind, ``if_match`` the ETag
        of each that must be as it was seen, by ``kind/id``.
        """
        identity: Identity = request.user
        put_entries, remove, matches = _read_edit(await json_of(request))
        _check_kinds(identity, {*put_entries, *remove})
        for kind, entries in put_entries.items():
            if isinstance(entries, list):
                for position, entry in enumerate(entries):
                    _check_put(identity, kind, position, entry)
        guard = _guard(identity, put_entries, remove, matches)
        told = await changes.make(
            put_entries, remove, what="edit", identity=identity, allowed=guard, dry_run=dry_run,
            wait=wait,
        )  # fmt: skip
        return Response(told)

    return edited


def _read_edit(
    data: Any,
) -> tuple[dict[str, Any], dict[str, list[str]], dict[tuple[str, str], tuple[str, str]]]:
    """Return what to put, what to remove, and the ETags; raise 422 for another shape."""

    def wrong(field: str, found: Any, expected: str) -> Refused:
        return Refused(
            422, f"{field}: expected {expected}",
            [{"field": field, "found": repr(found)[:80], "expected": expected}],
        )  # fmt: skip

    if not isinstance(data, dict):
        raise wrong("body", data, "put, remove, if_match")
    for name in data:
        if name not in ("put", "remove", "if_match"):
            raise wrong(name[:80], data[name], "put, remove, if_match")
    put_entries, remove = data.get("put", {}), data.get("remove", {})
    if not isinstance(put_entries, dict):
        raise wrong("put", put_entries, f"sections: some of {', '.join(SECTIONS)}")
    for kind, entries in put_entries.items():
        if kind in SECTIONS and not isinstance(entries, list):
            raise wrong(f"put.{kind}", entries, "a list")
    if not isinstance(remove, dict):
        raise wrong("remove", remove, f"lists of ids by kind: some of {', '.join(KINDS)}")
    for kind, keys in remove.items():
        if kind not in (*KINDS, *NUMBERS):
            raise wrong(f"remove.{kind[:40]}", keys, f"one of {', '.join(KINDS)}")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise wrong(f"remove.{kind}", keys, "a list of ids")
    given = data.get("if_match", {})
    if not isinstance(given, dict) or not all(isinstance(tag, str) for tag in given.values()):
        raise wrong("if_match", given, 'ETags by "kind/id"')
    matches = {}
    for name, tag in given.items():
        kind, slash, key = name.partition("/")
        if kind not in KINDS or not slash:
            raise wrong(f"if_match.{name[:80]}", tag, 'ETags by "kind/id"')
        matches[kind, key] = (tag, "")
    return put_entries, remove, matches
