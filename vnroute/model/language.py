"""Languages of callers: tags of BCP 47 as numbers, and the language of a number's country.

A tag is a language, maybe a script, maybe a region: ``es``, ``zh-Hant``, ``pt-BR``. As a number it
has 15 bits of language, 20 of script and 18 of region, so what is left out is zero.
"""

from __future__ import annotations

import re

from vnroute.model.problem import FieldError

__all__ = [
    "HEADS",
    "REGION_MASK",
    "SCRIPT_MASK",
    "language_key",
    "language_of_head",
    "language_text",
    "parse_language",
]

HEADS = 10_000
"""Numbers are told apart by their first four digits: countries, and the areas of +1."""

REGION_MASK = (1 << 18) - 1
SCRIPT_MASK = ((1 << 20) - 1) << 18

_TAG = re.compile(
    r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?", re.ASCII
)  # fmt: skip
_MAIN = {
    "am": "ET", "ar": "AE BH DZ EG EH IQ JO KM KW LB LY MA MR OM PS QA SA SY TD TN YE",
    "az": "AZ", "be": "BY", "bg": "BG", "bi": "VU", "bn": "BD", "bs": "BA", "ca": "AD",
    "cs": "CZ", "da": "DK", "de": "AT CH DE LI", "dv": "MV", "dz": "BT", "el": "CY GR",
    "en": "AC AG AI AU BB BM BS BW BZ CA CC CK CX DM FJ FK FM GB GD GG GH GI GM GU GY IE IM IO JE"
          " JM KI KN KY LC LR MH MP MS NA NF NG NR NZ PH SB SD SG SH SL SS SX SZ TA TC TT US VC VG"
          " VI ZA ZM",
    "es": "AR BO CL CO CR CU DO EC ES GQ GT HN MX NI PA PE PR SV UY VE", "et": "EE", "fa": "AF IR",
    "fi": "FI", "fo": "FO",
    "fr": "BF BJ BL CD CG CI CM DJ FR GA GF GN GP LU MC MF ML MQ MU NC NE PF PM RE SC TG WF YT",
    "gn": "PY", "he": "IL", "hi": "IN", "hr": "HR", "ht": "HT", "hu": "HU", "hy": "AM", "id": "ID",
    "is": "IS", "it": "IT SM VA", "ja": "JP", "ka": "GE", "kl": "GL", "km": "KH", "ko": "KP KR",
    "ky": "KG", "lo": "LA", "lt": "LT", "lv": "LV", "mg": "MG", "mk": "MK", "mn": "MN",
    "ms": "BN MY", "mt": "MT", "my": "MM", "ne": "NP", "niu": "NU", "nl": "AW BE BQ NL SR",
    "no": "NO SJ", "ny": "MW", "pap": "CW", "pau": "PW", "pl": "PL", "pt": "AO BR CV GW MZ PT ST",
    "rn": "BI", "ro": "MD RO", "ru": "KZ RU", "rw": "RW", "sg": "CF", "si": "LK", "sk": "SK",
    "sl": "SI", "sm": "AS WS", "sn": "ZW", "so": "SO", "sq": "AL XK", "sr": "ME RS", "st": "LS",
    "sv": "AX SE", "sw": "KE TZ UG", "tet": "TL", "tg": "TJ", "th": "TH", "ti": "ER", "tk": "TM",
    "tkl": "TK", "to": "TO", "tpi": "PG", "tr": "TR", "tvl": "TV", "uk": "UA", "ur": "PK",
    "uz": "UZ", "vi": "VN", "wo": "SN", "zh": "CN", "zh-Hant": "HK MO TW",
}  # fmt: skip
"""The official language of each country that most people there know, by Unicode's CLDR 47 (as in
Babel 2.18, ``get_official_languages``)."""
_LANGUAGES = {country: tag for tag, countries in _MAIN.items() for country in countries.split()}


def parse_language(text: str, field: str = "language") -> int:
    """Return a tag as a number. Raises FieldError for what is none."""
    match = _TAG.fullmatch(text)
    if match is None:
        raise FieldError(field, repr(text), 'a language such as "es", "pt-BR" or "zh-Hant"')
    return language_key(match[1], match[2] or "", match[3] or "")


def language_key(language: str, script: str = "", region: str = "") -> int:
    """Return the number of a tag in its parts."""
    key = 0
    for size, text, bits in ((3, language, 5), (4, script, 5), (3, region, 6)):
        for character in text.lower().ljust(size, "\0"):
            value = 0
            if character.isdecimal():
                value = ord(character) - ord("0") + 27
            elif character != "\0":
                value = ord(character) - ord("a") + 1
            key = key << bits | value
    return key


def language_text(key: int) -> str:
    """Return the tag of a number, as it is usually written: ``zh-Hant-TW``."""
    parts = []
    for size, shift, bits in ((3, 38, 5), (4, 18, 5), (3, 0, 6)):
        codes = [key >> shift + bits * (size - 1 - at) & (1 << bits) - 1 for at in range(size)]
        parts.append("".join(chr(c + 96) if c <= 26 else chr(c + 21) for c in codes if c))
    language, script, region = parts
    return "-".join(part for part in (language, script.title(), region.upper()) if part)


def language_of_head(head: str) -> int:
    """Return the number of the language of the country whose numbers begin with four digits, 0
    where there is no country.
    """
    import phonenumbers
    from phonenumbers import PhoneMetadata

    for size in (1, 2, 3):
        code = int(head[:size])
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
        if not regions or head[0] == "0":
            continue
        found = regions[0]
        for region in regions[1:]:
            metadata = PhoneMetadata.metadata_for_region(region)
            leading = metadata.leading_digits if metadata else None
            if leading and re.match(leading, head[size:]):
                found = region
        language = _LANGUAGES.get(found)
        return parse_language(language) if language else 0
    return 0
