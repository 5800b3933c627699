"""Which column of a rate deck is what: guessed from its header, then from what is in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from vnroute.decks.fields import BLOCKED_WORDS, read_prefixes, read_price
from vnroute.model import FieldError
from vnroute.model.deck import check_time_class
from vnroute.model.ids import check_id

__all__ = ["FIELDS", "check_field", "guess", "plain_name", "rate_class"]

FIELDS: dict[str, tuple[str, ...]] = {
    "prefix": (
        "prefix", "prefixes", "code", "codes", "dial code", "dial codes", "dialcode", "dialcodes",
        "dialing code", "dialling code", "dialed digits", "destination code", "destination codes",
        "dest code", "dst code", "dst prefix", "destination prefix", "number prefix", "breakout",
        "breakouts", "e164", "e 164", "e164 prefix", "digits", "pattern", "npanxx", "npa nxx",
        "lrn prefix", "full code", "route code", "phone code", "dnis", "b number prefix", "vorwahl",
        "indicatif", "codigo", "prefijo", "prefixo", "prefisso", "codice", "dial prefix",
        "zone code",
        "called prefix", "code prefix", "phone prefix", "number",
    ),
    "country_code": (
        "country code", "countrycode", "cc", "country dial code", "ctry code", "intl code",
        "international code", "country codes", "landesvorwahl",
    ),
    "area_code": (
        "area code", "areacode", "area codes", "city code", "city codes", "ac", "region code",
        "network code", "ndc", "sub code", "ortsvorwahl", "local code", "operator code",
    ),
    "destination": (
        "destination", "destinations", "destination name", "dest name", "dest", "description",
        "country", "country name", "name", "zone", "zone name", "route", "route name", "term",
        "location", "region", "area", "area name", "operator", "network", "carrier name", "label",
        "bezeichnung", "zielland", "destino", "destinazione", "country destination", "code name",
        "prefix name", "rate center",
    ),
    "rate": (
        "rate", "rates", "price", "prices", "cost", "new rate", "new price", "rate per minute",
        "rate min", "price per minute", "price min", "per minute", "ppm", "per min", "rate per min",
        "price per min", "cost per minute", "minute rate", "tariff", "charge", "buy rate",
        "sell rate", "rate usd", "rate eur", "usd", "eur", "usd min", "eur min", "price usd",
        "price eur", "rate in usd", "rate in eur", "rate usd min", "rate eur min", "price usd min",
        "price eur min", "peak rate all day", "usd per minute", "preis", "tarif", "precio",
        "prezzo",
        "tarifa", "prix", "future rate", "next rate", "rate n", "rate 1", "amount", "minute price",
        "rate gbp", "gbp", "price gbp", "flat rate", "full rate", "standard rate", "value",
    ),
    "rate.interstate": ("interstate", "inter", "inter rate", "interstate rate", "rate inter",
                        "inter state", "interstate price", "inter price", "rate interstate"),
    "rate.intrastate": ("intrastate", "intra", "intra rate", "intrastate rate", "rate intra",
                        "intra state", "intrastate price", "intra price", "rate intrastate"),
    "rate.indeterminate": ("indeterminate", "indeterminate rate", "ij", "indet", "indeter",
                           "ij rate",
                           "indeterminate price", "rate indeterminate", "indeterm"),
    "fee": ("connect fee", "connection fee", "connect charge", "connection charge", "setup fee",
            "set up fee", "setup", "call setup", "fee", "surcharge", "connect", "flag fall",
            "call fee", "setup charge", "per call", "connect cost", "connection cost"),
    "increments": ("increments", "increment", "billing increment", "billing increments", "billing",
                   "interval", "intervals", "rounding", "round rules", "rounding rules",
                   "billing terms", "billing interval", "charging interval", "increment n n",
                   "taktung", "takt", "chargeable interval", "min inc", "bill increment", "incr",
                   "increment rule", "billing units", "pulse", "billing cycle"),
    "first": ("first increment", "initial increment", "minimum duration", "min duration", "minimum",
              "interval 1", "first interval", "initial interval", "interval1", "minimum time",
              "min time", "initial", "first", "min increment", "minimal time", "i1", "min charge",
              "initial period", "minimum charge", "increment 1", "first unit", "min"),
    "next": ("next increment", "subsequent increment", "second increment", "additional increment",
             "interval n", "next interval", "subsequent interval", "interval2", "interval 2",
             "step",
             "subsequent", "next", "increment 2", "additional", "in", "intervaln", "billing step",
             "next period", "next unit", "recurring interval", "additional interval"),
    "effective": ("effective", "effective date", "effectivedate", "valid from", "start date",
                  "from",
                  "date", "active from", "start", "effective from", "eff date",
                  "rate effective date",
                  "valid", "activation date", "begin", "begin date", "effective date utc",
                  "date from",
                  "start time", "effective time", "gultig ab", "gueltig ab", "valid since",
                  "effective start date", "commencement date", "desde", "change date"),
    "end": ("end", "end date", "enddate", "valid to", "valid until", "to", "expiry", "expiry date",
            "expiration date", "expires", "until", "stop date", "valid till", "effective to",
            "discontinue date", "end time", "date to", "gultig bis", "expire date", "till", "hasta",
            "termination date", "effective end date"),
    "currency": ("currency", "curr", "currency code", "ccy", "iso currency", "cur", "wahrung",
                 "waehrung", "moneda", "valuta"),
    "change": ("change", "change type", "type of change", "changes", "rate change", "action",
               "comment", "comments", "notes", "note", "remarks", "remark", "difference", "update",
               "change status", "code change", "price change", "movement", "trend", "indicator",
               "change indicator", "change code", "rate status"),
    "blocked": ("blocked", "status", "barred", "forbidden", "state", "availability", "disabled",
                "is blocked", "locked", "block"),
    "origin": ("origin", "origination", "origin group", "origin set", "origin zone", "ani group",
               "originating region", "origin name", "source group", "a number group"),
    "time": ("time class", "time of day", "time", "tod", "period", "time band"),
}  # fmt: skip
"""What a column may be, and how it is spelled: lower case, without accents and marks."""

_BY_NAME = {name: field for field, names in FIELDS.items() for name in names}
_LOOSE = ("change", "destination", "blocked", "time")
"""Fields whose columns may hold anything: taken only where they are read without complaint."""
_CLASS = re.compile(r"rate(?:\.(?P<origin>[^@]+))?(?:@(?P<time>.+))?")


def plain_name(text: str) -> str:
    """Return a column's name as it is looked up: lower case, no accents, single blanks."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"\((?:[^()]*)\)", " ", text) if re.sub(r"\([^()]*\)", "", text).strip() else text
    return re.sub(r"[^a-z0-9]+", " ", text).strip()


def check_field(field: str) -> str:
    """Return a field to which a column may be mapped, else raise :class:`FieldError`.

    Beside the names above, ``rate.ORIGIN``, ``rate@SCHEDULE:STATE`` and both together say for whom
    and when a column's rates hold.
    """
    match = _CLASS.fullmatch(field)
    if match is not None:
        check_id(match["origin"] or "any", "--map")
        check_time_class(match["time"] or "", "--map")
    elif field not in FIELDS:
        expected = "one of " + ", ".join(FIELDS) + ", rate.ORIGIN, rate@SCHEDULE:STATE"
        raise FieldError("--map", repr(field), expected)
    return field


def rate_class(field: str) -> tuple[str, str]:
    """Return the origin and time class of a column of rates, empty for all."""
    match = _CLASS.fullmatch(field)
    assert match is not None
    return match["origin"] or "", match["time"] or ""


def _field_of(name: str) -> str:
    plain = plain_name(name)
    for text in (
        plain,
        re.sub(r"\b(usd|eur|gbp|min|minute|per|utc|gmt|sec|seconds|in)\b", " ", plain),
    ):
        field = _BY_NAME.get(" ".join(text.split()))
        if field:
            return field
    return ""


def guess(
    header: Sequence[str], sample: Sequence[Sequence[str]], given: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Return the column of each field, as far as it can be told.

    ``given`` (field to column's name) is taken as it is. Then names count; of two columns for one
    field the more usual name wins. What is still missing of prefix and rate is told by what the
    columns hold. Raises :class:`FieldError` for a given column that is not there.
    """
    found: dict[str, int] = {}
    taken: set[int] = set()
    for field, name in (given or {}).items():
        found[field] = _column(header, name)
        taken.add(found[field])
    ranked: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(header):
        field = _field_of(name)
        if place not in taken and field and field not in found:
            names = FIELDS[field]
            plain = plain_name(name)
            rank = names.index(plain) if plain in names else len(names)
            ranked.setdefault(field, []).append((rank, place))
    for field, places in ranked.items():
        if field not in found:
            found[field] = min(places)[1]
    taken = set(found.values())
    _settle_codes(found, sample, given or {})
    rates = [field for field in found if field.partition(".")[0].partition("@")[0] == "rate"]
    if "prefix" not in found and "area_code" not in found:
        _by_content(found, "prefix", taken, header, sample, _looks_like_prefix)
    if not rates:
        _by_content(found, "rate", set(found.values()), header, sample, _looks_like_rate)
    if "first" in found and "next" not in found and "increments" not in found:
        found["increments"] = found.pop("first")
    elif "next" in found and "first" not in found:
        del found["next"]
    return found


def _column(header: Sequence[str], name: str) -> int:
    for same in (str.strip, plain_name):
        places = [place for place, text in enumerate(header) if same(text) == same(name)]
        if len(places) == 1:
            return places[0]
    if name.isdigit() and 1 <= int(name) <= len(header):
        return int(name) - 1
    columns = ", ".join(repr(text) for text in header[:30])
    raise FieldError("--map", repr(name), f"a column of the file, by name or number: {columns}")


def _settle_codes(
    found: dict[str, int], sample: Sequence[Sequence[str]], given: Mapping[str, str]
) -> None:
    """Tell whether a country's code stands beside whole prefixes or before the rest of them."""
    if "country_code" not in found:
        if "area_code" in found and "prefix" not in found:
            found["prefix"] = found.pop("area_code")
        else:
            found.pop("area_code", None)
        return
    if "prefix" not in found:
        if "area_code" not in found:
            found["prefix"] = found.pop("country_code")
        return
    if "area_code" in found and "country_code" not in given:
        found.pop("country_code")  # the prefix stands there whole as well
        found.pop("area_code")
        return
    if "country_code" in given:
        found["area_code"] = found.pop("prefix")
        return
    rows = [row for row in sample if max(found["prefix"], found["country_code"]) < len(row)]
    whole = sum(
        row[found["prefix"]].strip().lstrip("+0").startswith(row[found["country_code"]].strip(" +"))
        for row in rows
        if row[found["country_code"]].strip()
    )
    if 2 * whole >= len(rows):
        del found["country_code"]
    else:
        found["area_code"] = found.pop("prefix")


def _by_content(
    found: dict[str, int],
    field: str,
    taken: set[int],
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    fits: object,
) -> None:
    assert callable(fits)
    best, most = -1, 0.0
    for place in range(len(header)):
        if place in taken:
            continue
        cells = [row[place] for row in sample if place < len(row) and row[place].strip()]
        share = sum(map(fits, cells)) / len(cells) if cells else 0.0
        if share > most and share >= 0.9:
            best, most = place, share
    if best >= 0:
        found[field] = best


def _looks_like_prefix(text: str) -> bool:
    try:
        prefixes = read_prefixes(text)
    except FieldError:
        return False
    return all(len(prefix) > 1 or prefix in "17" for prefix in prefixes)


def _looks_like_rate(text: str) -> bool:
    if text.strip().lower() in BLOCKED_WORDS:
        return True
    try:
        price, _ = read_price(text, "")
    except FieldError:
        return False
    return "." in price and float(price) < 1000
