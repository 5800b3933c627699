"""Sample routing data of real shape: numbers in ten countries, rate decks of five carriers.

Everything is made from one seed, so two runs make the same files. Numbers lie in ranges of the
right length and kind for their country; no one is called on them, since the demo's switch and
gateways are simulated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CARRIERS", "Sample", "write_sample"]


@dataclass(frozen=True, slots=True)
class Country:
    """A country of the sample: ranges as (prefix, digits that follow)."""

    name: str
    zone: str
    code: str
    share: int
    numbers: tuple[tuple[str, int], ...]
    phones: tuple[tuple[str, int], ...]


COUNTRIES = (
    Country("us", "America/New_York", "1", 34,
            (("1800555", 4), ("1888556", 4), ("1212555", 4), ("1305556", 4)), (("1917555", 4),)),
    Country("us-west", "America/Los_Angeles", "1", 14,
            (("1415555", 4), ("1310556", 4)), (("1213555", 4),)),
    Country("uk", "Europe/London", "44", 18,
            (("442079", 6), ("4416149", 5), ("4480815", 5)), (("447700900", 3), ("441632960", 3))),
    Country("es", "Europe/Madrid", "34", 8, (("349112", 5), ("3493456", 4)), (("34612345", 3),)),
    Country("de", "Europe/Berlin", "49", 8, (("4930231", 5), ("4989123", 5)), (("4915123456", 3),)),
    Country("fr", "Europe/Paris", "33", 6, (("3319900", 4), ("3326191", 4)), (("33639980", 3),)),
    Country("au", "Australia/Sydney", "61", 4,
            (("6125550", 4), ("6138550", 4)), (("61491570", 3),)),
    Country("br", "America/Sao_Paulo", "55", 4, (("551130", 6),), (("5511955", 6),)),
    Country("in", "Asia/Kolkata", "91", 2, (("91225550", 4),), (("919812345", 3),)),
    Country("sg", "Asia/Singapore", "65", 2, (("656123", 4),), (("659123", 4),)),
)  # fmt: skip

CARRIERS = ("alpha", "beta", "gamma", "delta", "omega")
"""Cheapest first, by and large; omega takes every country at its own price."""

_AREAS = {
    "1": (201, 999, 1), "44": (113, 2099, 2), "34": (810, 989, 1), "49": (201, 9999, 3),
    "33": (100, 799, 1), "61": (200, 899, 2), "55": (11, 999, 1), "91": (11, 9999, 3),
    "65": (300, 998, 1),
}  # fmt: skip
_OTHER_CODES = [
    "20", "27", "30", "31", "32", "36", "39", "40", "41", "43", "45", "46", "47", "48", "51",
    "52", "54", "56", "57", "58", "60", "62", "63", "64", "66", "81", "82", "84", "86", "90",
    "92", "93", "94", "95", "98", "212", "213", "216", "218", "220", "221", "234", "254", "255",
    "256", "351", "352", "353", "354", "355", "356", "357", "358", "359", "370", "371", "372",
    "373", "374", "375", "380", "381", "385", "386", "420", "421", "852", "853", "855", "856",
    "880", "886", "960", "961", "962", "965", "966", "971", "972", "973", "974", "977", "992",
    "994", "995", "996", "998",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """The files of a sample, and what is in them."""

    routing: Path
    numbers: Path
    rates: Path
    number_count: int
    rate_count: int

    @property
    def files(self) -> tuple[str, str, str]:
        """All files, in the order in which they are loaded."""
        return str(self.routing), str(self.numbers), str(self.rates)


def write_sample(directory: Path, numbers: int, rates: int, seed: int = 26) -> Sample:
    """Write a sample with that many numbers and rates into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)
    sample = Sample(
        directory / "routing.yaml", directory / "numbers.csv", directory / "rates.csv",
        numbers, rates,
    )  # fmt: skip
    accounts = max(10, numbers // 500)
    plans = _write_routing(sample.routing, accounts, source)
    _write_numbers(sample.numbers, numbers, plans, source)
    _write_rates(sample.rates, rates, source)
    return sample


def _phone(country: Country, source: random.Random) -> str:
    prefix, more = source.choice(country.phones)
    return f"+{prefix}{source.randrange(10**more):0{more}}"


def _write_routing(
    path: Path, accounts: int, source: random.Random
) -> dict[str, list[tuple[str, str]]]:
    """Write accounts, schedules, plans and carriers; return (account, plan) by country."""
    plans: dict[str, list[tuple[str, str]]] = {country.name: [] for country in COUNTRIES}
    weights = [country.share for country in COUNTRIES]
    text_accounts, text_plans = ["accounts:"], ["plans:"]
    for place in range(accounts):
        # Every country has an account; beyond that, by its share.
        country = (
            COUNTRIES[place] if place < len(COUNTRIES)
            else source.choices(COUNTRIES, weights)[0]
        )  # fmt: skip
        account = f"{country.name}-{place:04}"
        allow = sorted({f"+{country.code}", "+1", "+44"})
        text_accounts.append(
            f"  - {{id: {account}, time_zone: {country.zone}, allow: {_quoted(allow)}}}"
        )
        phones = [_phone(country, source) for _ in range(4)]
        office = f"{country.name}-office"
        for name, steps in {
            "office": [
                f"{{when: {office}, ring: {_quoted(phones[:1])}, seconds: 20}}",
                f"{{ring: {_quoted(phones[1:2])}, seconds: 25}}",
                "{hangup: USER_BUSY}",
            ],
            "follow": [f"{{ring: {_quoted(phones[:3])}, seconds: 15}}", "{hangup: relay}"],
            "direct": [f"{{ring: {_quoted(phones[3:])}, seconds: 40}}", "{hangup: relay}"],
            "closed": [f"{{when: {office}, ring: {_quoted(phones[2:3])}}}", "{hangup: NO_ANSWER}"],
        }.items():
            plan = f"{account}-{name}"
            plans[country.name].append((account, plan))
            text_plans.append(f"  - id: {plan}\n    account: {account}\n    steps:")
            text_plans.extend(f"      - {step}" for step in steps)
    text_schedules = ["schedules:"]
    for country in COUNTRIES:
        text_schedules.append(
            f"  - id: {country.name}-office\n    time_zone: {country.zone}\n    open:\n"
            '      - {days: mon-thu, hours: "09:00-18:00"}\n'
            '      - {days: fri, hours: "09:00-16:00"}'
        )
    text_carriers = ["carriers:"]
    for carrier, form in zip(
        CARRIERS, ("{e164_digits}", "{e164}", "00{e164_digits}", "{e164_digits}", "{e164_digits}"),
        strict=True,
    ):  # fmt: skip
        gateways = [
            f'{{id: {carrier}-{n}, gateway: {carrier}{n}, format: "{form}"}}'
            for n in range(1, 3 if carrier in ("alpha", "omega") else 2)
        ]
        text_carriers.append(f"  - id: {carrier}\n    gateways: [{', '.join(gateways)}]")
    lines = text_accounts + text_schedules + text_plans + text_carriers
    path.write_text("# Sample data, made by vnroute demo.\n" + "\n".join(lines) + "\n")
    return plans


def _quoted(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _write_numbers(
    path: Path, count: int, plans: dict[str, list[tuple[str, str]]], source: random.Random
) -> None:
    weights = [country.share for country in COUNTRIES]
    taken: set[str] = set()
    with path.open("w", encoding="utf-8") as file:
        file.write("number,account,plan,campaign,state\n")
        while len(taken) < count:
            country = source.choices(COUNTRIES, weights)[0]
            prefix, more = source.choice(country.numbers)
            account, plan = source.choice(plans[country.name])
            # A customer takes numbers in runs, as they are ordered.
            first, run = source.randrange(10**more), source.randint(1, 40)
            campaign = f"c{source.randrange(400)}" if source.random() < 0.3 else ""
            for number in range(first, min(first + run, 10**more)):
                digits = f"{prefix}{number:0{more}}"
                if len(taken) == count or digits in taken:
                    # Where ranges fill up, a digit more than they have is not invented.
                    continue
                taken.add(digits)
                state = "suspended" if source.random() < 0.01 else "active"
                file.write(f"+{digits},{account},{plan},{campaign},{state}\n")


def _write_rates(path: Path, count: int, source: random.Random) -> None:
    """Write decks: every carrier has prices by area for our countries, omega by country for all."""
    rows: set[tuple[str, str]] = set()
    with path.open("w", encoding="utf-8") as file:
        file.write("prefix,carrier,rate,destination\n")

        def put(prefix: str, carrier: str, base: float, name: str) -> None:
            if (prefix, carrier) in rows or len(rows) == count:
                return
            rows.add((prefix, carrier))
            factor = 1 + 0.15 * CARRIERS.index(carrier) + source.uniform(-0.1, 0.3)
            file.write(f"{prefix},{carrier},{base * factor:.5f},{name}\n")

        codes = [*_AREAS, *_OTHER_CODES]
        base = {code: source.uniform(0.002, 0.15) for code in codes}
        base["1"], base["44"] = 0.004, 0.006
        for code in codes:
            put(code, "omega", base[code], f"country {code}")
        for code in _AREAS:
            put(code, "delta", base[code], f"country {code}")
        while len(rows) < count:
            code = source.choice(codes if source.random() < 0.3 else list(_AREAS))
            first, last, most = _AREAS.get(code, (10, 999, 3))
            more = source.randint(0, most + 1)
            tail = f"{source.randrange(10**more):0{more}}" if more else ""
            prefix = f"{code}{source.randint(first, last)}{tail}"
            for carrier in source.sample(CARRIERS, source.randint(1, 5)):
                put(prefix, carrier, base[code] * source.uniform(0.7, 1.6), f"{code} area")
