"""Steps for the caller's language and for campaigns."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Spoken, applications_of, channel_data, explain
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step
from vnroute.model.language import language_of_head, language_text, parse_language
from vnroute.model.problem import FieldError

NOW = MONDAY_NOON_IN_NEW_YORK
SPANISH, PORTUGUESE, BRAZIL, TAIWAN, ANYBODY = "es", "pt", "br", "tw", "any"
SPRING, BOTH = "spring", "both"


def routing() -> MemoryRouting:
    def ring(name: str, **fields: object) -> Step:
        return Step(ring=(f"user:{name}@pbx.example",), **fields)  # type: ignore[arg-type]

    end = Step(hangup="relay")
    return MemoryRouting(
        account_list=[Account(id="acme")],
        plan_list=[
            Plan(
                id="tongues",
                account="acme",
                steps=(
                    ring(SPANISH, languages=("es", "ca")),
                    ring(PORTUGUESE, languages=("pt",)),
                    ring(BRAZIL, languages=("pt-BR",)),
                    ring(TAIWAN, languages=("ZH-hant",)),
                    ring(ANYBODY),
                    end,
                ),
            ),
            Plan(
                id="campaigns",
                account="acme",
                steps=(
                    ring(SPRING, campaigns=("spring-26",)),
                    ring(BOTH, campaigns=("autumn-26", "spring-26"), callers=("+34",)),
                    ring(ANYBODY),
                    end,
                ),
            ),
        ],
        number_list=[
            Number(number="+18005551234", account="acme", plan="tongues"),
            Number(number="+18005550001", account="acme", plan="campaigns", campaign="spring-26"),
            Number(number="+18005550002", account="acme", plan="campaigns", campaign="autumn-26"),
            Number(number="+18005550003", account="acme", plan="campaigns", campaign="spring-2"),
            Number(number="+18005550004", account="acme", plan="campaigns"),
        ],
        carrier_list=[Carrier(id="a", gateways=(Gateway(id="a-1", gateway="gwA"),))],
    )


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    return Matcher(compiled(routing(), tmp_path_factory.mktemp("image")))


def rung(
    matcher: Matcher, caller: str = "", spoken: Spoken | None = None, called: str = "+18005551234"
) -> list[str]:
    """Who is rung, by the reply; the explanation has to say the same."""
    spoken = spoken or Spoken()
    data = channel_data(called, caller, spoken=spoken)
    found = [
        text.rpartition("user/")[2].partition("@")[0]
        for name, text in applications_of(matcher.decide(data, NOW))
        if name == "bridge"
    ]
    told = explain(matcher, called, caller, NOW, spoken)
    steps = [target.to.removeprefix("user/").partition("@")[0]
             for step in told.steps for target in step.targets]  # fmt: skip
    assert steps == found
    return found


@pytest.mark.parametrize(
    ("language", "accept", "caller", "first"),
    [
        ("", "", "", ANYBODY),
        ("es", "", "", SPANISH),
        ("ES", "", "", SPANISH),
        ("es-MX", "", "", SPANISH),
        ("ca-ES-valencia", "", "", SPANISH),
        ("pt", "", "", PORTUGUESE),
        ("pt-PT", "", "", PORTUGUESE),
        ("pt-BR", "", "", BRAZIL),
        ("pt-br-x-private", "", "", BRAZIL),
        ("pt-x-BR", "", "", PORTUGUESE),
        ("zh", "", "", ANYBODY),
        ("zh-Hant", "", "", TAIWAN),
        ("zh-Hant-HK", "", "", TAIWAN),
        ("zh-TW", "", "", ANYBODY),
        ("fr", "", "", ANYBODY),
        ("spanish", "", "", ANYBODY),
        ("e", "", "", ANYBODY),
        ("*", "", "", ANYBODY),
        # What was chosen beats the phone, and that the country.
        ("pt", "es", "+34911234567", PORTUGUESE),
        ("", "pt", "+34911234567", PORTUGUESE),
        ("fr", "es", "+34911234567", ANYBODY),
        # What is no language says nothing.
        ("${x}", "es", "", SPANISH),
        # By weight, the first of one weight first.
        ("", "es, pt", "", SPANISH),
        ("", "pt, es", "", PORTUGUESE),
        ("", "es;q=0.5, pt", "", PORTUGUESE),
        ("", "es;q=0.5, pt;q=0.51", "", PORTUGUESE),
        ("", "es;q=0.5, pt;q=0.5", "", SPANISH),
        ("", "es;q=0, pt;q=0.1", "", PORTUGUESE),
        ("", "es;q=0", "", ANYBODY),
        ("", "es;q=1.000, pt;q=0.999", "", SPANISH),
        ("", "es;q=1.5, pt;q=0.1", "", PORTUGUESE),
        ("", "es;q=x, pt;q=0.1", "", PORTUGUESE),
        # The best that the plan names.
        ("", "fr, de, es;q=0.2", "", SPANISH),
        ("", "fr, pt-BR;q=0.9, es;q=0.8", "", BRAZIL),
        ("", "fr, *;q=0.1", "", ANYBODY),
        # Eight are looked at.
        ("", "a1, de, fr, it, nl, sv, da, es", "", SPANISH),
        ("", "no, de, fr, it, nl, sv, da, fi, es", "", ANYBODY),
        # By country, and by area code where a country code has several.
        ("", "", "+34911234567", SPANISH),
        ("", "", "+5215512345678", SPANISH),
        ("", "", "+351211234567", PORTUGUESE),
        ("", "", "+5511955550100", PORTUGUESE),
        ("", "", "+18095550123", SPANISH),
        ("", "", "+17875550123", SPANISH),
        ("", "", "+12125550123", ANYBODY),
        ("", "", "+886212345678", TAIWAN),
        ("", "", "+8613812345678", ANYBODY),
        ("", "", "anonymous", ANYBODY),
        ("", "", "1", ANYBODY),
        # The phone says a language that no step has: the country is not asked.
        ("", "fr", "+34911234567", ANYBODY),
        # Nothing that is a language: it is.
        ("", "*", "+34911234567", SPANISH),
    ],
)
def test_who_is_rung_first(
    matcher: Matcher, language: str, accept: str, caller: str, first: str
) -> None:
    found = rung(matcher, caller, Spoken(language, accept))
    assert found == ([first] if first == ANYBODY else [first, ANYBODY])


@pytest.mark.parametrize(
    ("called", "caller", "found"),
    [
        ("+18005550001", "+34911234567", [SPRING, BOTH, ANYBODY]),
        ("+18005550001", "+44201234567", [SPRING, ANYBODY]),
        ("+18005550002", "+34911234567", [BOTH, ANYBODY]),
        ("+18005550002", "+44201234567", [ANYBODY]),
        ("+18005550003", "+34911234567", [ANYBODY]),
        ("+18005550004", "+34911234567", [ANYBODY]),
    ],
)
def test_campaigns(matcher: Matcher, called: str, caller: str, found: list[str]) -> None:
    assert rung(matcher, caller, called=called) == found


def test_conditions_are_told(matcher: Matcher) -> None:
    told = explain(matcher, "+18005551234", "+34911234567", NOW, Spoken(accept="fr, pt-BR;q=0.5"))
    assert [(one.asks, one.wanted, one.found, one.held) for one in told.passed] == [
        ("language", "es, ca", "fr, pt-BR", False),
        ("language", "pt", "fr, pt-BR", False),
        ("language", "pt-BR", "fr, pt-BR", True),
        ("language", "zh-Hant", "fr, pt-BR", False),
    ]
    told = explain(matcher, "+18005550004", "", NOW)
    assert [(one.asks, one.wanted, one.found, one.held) for one in told.passed] == [
        ("campaign", "spring-26", "none", False),
        ("campaign", "autumn-26, spring-26", "none", False),
    ]


TAGS = st.from_regex(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?", fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(TAGS)
def test_gate_and_model_read_a_tag_alike(matcher: Matcher, tag: str) -> None:
    key = parse_language(tag)
    assert language_text(key).lower() == tag.lower()
    assert matcher.languages(channel_data("1", spoken=Spoken(tag))) == [key]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=8))
def test_any_text_is_a_language_or_nothing(
    matcher: Matcher, language: str, value: str, weight: str
) -> None:
    lines = {"vn_language": language, "sip_accept_language_0_value": value,
             "sip_accept_language_0_q": weight}  # fmt: skip
    more = "".join(
        f"variable_{name}: {quote(text.encode('utf-8', 'replace'), safe='')}\n"
        for name, text in lines.items()
    )
    data = channel_data("+18005551234", "+12125550123")[:-1] + more.encode("ascii") + b"\n"
    for key in matcher.languages(data):
        assert parse_language(language_text(key)) == key
    reply = matcher.decide(data, NOW)
    assert reply.count(b"\n\n") == matcher.decide(channel_data("+18005551234"), NOW).count(b"\n\n")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TAGS, st.integers(0, 1000)), max_size=8))
def test_weights_order_them(matcher: Matcher, spoken: list[tuple[str, int]]) -> None:
    header = ",".join(f"{tag};q={weight / 1000:.3f}" for tag, weight in spoken)
    ordered = sorted((one for one in spoken if one[1]), key=lambda one: -one[1])
    assert matcher.languages(channel_data("1", spoken=Spoken(accept=header))) == [
        parse_language(tag) for tag, _ in ordered
    ]


@pytest.mark.parametrize("tag", ["", "e", "engl", "e1", "es_MX", "es-", "es-MEX", "x-y", "es MX"])
def test_what_is_no_language_is_refused(tag: str) -> None:
    with pytest.raises(FieldError, match="a language such as"):
        Step(languages=(tag,), hangup="relay")


def test_a_step_names_sixteen_at_most() -> None:
    with pytest.raises(FieldError, match="16 at most"):
        Step(campaigns=tuple(f"c{n}" for n in range(17)), hangup="relay")


@pytest.mark.parametrize(
    ("head", "tag"),
    [("3491", "es"), ("1212", "en"), ("1809", "es"), ("4420", "en"), ("7495", "ru"), ("7701", "ru"),
     ("8613", "zh"), ("8621", "zh"), ("8522", "zh-Hant"), ("5999", "pap"), ("4179", "de"),
     ("3222", "nl"), ("4790", "no"), ("2125", "ar")],
)  # fmt: skip
def test_countries_have_a_language(head: str, tag: str) -> None:
    assert language_text(language_of_head(head)) == tag


@pytest.mark.parametrize("head", ["0123", "8001", "8821", "9999"])
def test_what_is_no_country_has_none(head: str) -> None:
    assert language_of_head(head) == 0


def test_an_image_whose_plans_do_not_ask_holds_no_languages(tmp_path: Path) -> None:
    made = routing()
    made.plan_list = [Plan(id=plan.id, account="acme", steps=(Step(hangup="relay"),))
                      for plan in made.plan_list]  # fmt: skip
    assert compiled(made, tmp_path).counts()["languages"] == 0
