"""Headers, splitting, expansion and application arguments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.simulator import causes
from vnroute.simulator.applications import (
    Application,
    Assignment,
    _is_plain,
    _pieces,
    read_export,
    read_hangup,
    read_limit,
    read_limit_execute,
    read_multiset,
    read_multiunset,
    read_respond,
    read_set,
    split_application,
)
from vnroute.simulator.cstring import separate_text
from vnroute.simulator.expansion import DictionaryVariables, Expander, run_cond
from vnroute.simulator.headers import Headers, is_false, is_true, leading_int


def test_headers_ignore_case_and_keep_the_last() -> None:
    headers = Headers()
    headers.add("Name", "1")
    headers.add("other", "x")
    headers.add("NAME", "2")
    assert headers.to_dict() == {"other": "x", "NAME": "2"}
    assert headers.get("name") == "2"
    headers.add("name", "")
    assert "name" not in headers


def test_headers_of_a_command_repeat() -> None:
    headers = Headers(unique=False)
    headers.add("application", "a")
    headers.add("application", "b")
    assert headers.all("Application") == ["a", "b"]
    headers.add("application", "")
    assert headers.all("application") == []


def test_lists() -> None:
    headers = Headers()
    headers.add("l", "ARRAY::a|:b")
    assert headers.get("l") == "ARRAY::a|:b"
    assert headers.get("l", 1) == "b"
    assert headers.get("l", 2) is None
    headers.add("l", "c", push=True)
    assert headers.get("l") == "ARRAY::a|:b|:c"
    headers.add("one", "ARRAY::a")
    assert headers.get("one") == "a"
    headers.add("i[2]", "z")
    assert headers.get("i") == "ARRAY::|:|:z"
    headers.add("none", "ARRAY::")
    assert "none" not in headers


def test_truth() -> None:
    assert is_true("Yes") and is_true("1") and is_true("-3")
    assert not is_true("0") and not is_true("") and not is_true(None) and not is_true("y")
    assert is_false("off") and is_false("0") and is_false("") and not is_false(None)
    assert leading_int(" 12abc") == 12 and leading_int("x") == 0


@pytest.mark.parametrize(
    ("text", "delimiter", "limit", "pieces"),
    [
        ("a,b,c", ",", 9, ["a", "b", "c"]),
        ("a,b,c", ",", 2, ["a", "b,c"]),
        (" a , b ", ",", 9, ["a", "b"]),
        ("'a,b',c", ",", 9, ["a,b", "c"]),
        ("a\\,b,c", ",", 9, ["a,b", "c"]),
        ("^^;a,b;c", ",", 9, ["a,b", "c"]),
        ("^^;", ",", 9, ["^^;"]),
        ("it's,b", ",", 9, ["it's", "b"]),
        ("a\\sb\\n", ",", 9, ["a b\n"]),
        ("a,", ",", 9, ["a"]),
        (",a", ",", 9, ["", "a"]),
        ("a  b 'c d'", " ", 9, ["a", "b", "c d"]),
        ("", ",", 9, []),
    ],
)
def test_separate(text: str, delimiter: str, limit: int, pieces: list[str]) -> None:
    assert separate_text(text, delimiter, limit) == pieces


def expand(text: str, **variables: str) -> str:
    return Expander(DictionaryVariables(variables), {"api": lambda a: f"<{a}>"}).expand(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${A}-${a}", "1-1"),
        ("$${a}", "1"),
        ("\\${a}", "${a}"),
        ("$a$", "$a$"),
        ("${missing}x", "x"),
        ("${a", "1"),
        ("${${n}}", "1"),
        ("${long:2}", "cdef"),
        ("${long:-2}", "ef"),
        ("${long:1:3}", "bcd"),
        ("${api(x(y)z)}", "<x(y)z>"),
        ("${api x}", "<x>"),
        ("${api(${a})}", "<1>"),
        ("${unknown(x)}y", "y"),
        ("${a}\\${a}", "1\\1"),
        ("a\\\\b", "a\\b"),
        ("a\\'b", "ab"),
        ("\\x", "\\x"),
    ],
)
def test_expansion(text: str, result: str) -> None:
    assert expand(text, a="1", n="a", long="abcdef") == result


def test_expansion_notes_every_api() -> None:
    expander = Expander(DictionaryVariables({"a": "1"}))
    assert expander.expand("${system(rm)}${cond(1 == 1 ? a : b)}") == "a"
    assert expander.api_calls == [("system", "rm"), ("cond", "1 == 1 ? a : b")]


def test_variables_that_name_themselves_come_to_an_end() -> None:
    assert isinstance(expand("${a}", a="${a}${b}", b="${a}${b}"), str)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="a1${}()[]:\\' -", max_size=40))
def test_any_text_expands(text: str) -> None:
    assert isinstance(expand(text, a="${b}'", b="x${a}", long="abc"), str)


@pytest.mark.parametrize(
    ("argument", "result"),
    [
        ("603 == 603 ? yes : no", "yes"),
        ("503 == 603 ? yes : no", "no"),
        ("a == a ? yes : no", "yes"),
        ("a != a ? yes : no", "no"),
        ("'a b' == 'a b' ? yes : no", "yes"),
        ("2 > 10 ? yes : no", "no"),
        ("2 <= 10 ? yes", "yes"),
        ("3 > 10 ? yes", ""),
        (" == 603 ? yes : no", "no"),  # an unset variable: empty text, and 0 as a number
        (" == 0 ? yes : no", "yes"),
        ("603==603 ? yes : no", "-ERR"),
        ("603 ==603 ? yes : no", "no"),  # the character behind the operator is skipped
        ("a ? yes : no", "-ERR"),
        ("1 == 1 ? sofia/gateway/g/1 : error/USER_BUSY", "sofia/gateway/g/1"),
        ("1 == 2 ? a : b:c", "b:c"),
    ],
)
def test_cond(argument: str, result: str) -> None:
    assert run_cond(argument) == result


def test_split_application() -> None:
    assert split_application("set a=b c") == Application("set", "a=b c")
    assert split_application("answer") == Application("answer", None)
    assert str(Application("hangup", "USER_BUSY")) == "hangup USER_BUSY"


def test_set_and_export() -> None:
    assert read_set("a=b=c") == Assignment("a", "b=c")
    assert read_set("a,b") == Assignment("a", "b")
    assert read_set("a=") == Assignment("a", None)
    assert read_set("a") == Assignment("a", None)
    assert read_set("") is None
    assert read_export("nolocal:a=b") == Assignment("nolocal:a", "b")


def test_multiset() -> None:
    assert read_multiset("^^;a=b;c=d e") == [Assignment("a", "b"), Assignment("c", "d e")]
    assert read_multiset("a=b c=d") == [Assignment("a", "b"), Assignment("c", "d")]
    assert read_multiset("^^;a='x;y';b=\\;") == [Assignment("a", "x;y"), Assignment("b", ";")]
    assert read_multiset("^^;a= x ;b=1") == [Assignment("a", " x"), Assignment("b", "1")]
    assert read_multiunset("^^;a;b") == ["a", "b"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab=;^'\\ ,é", max_size=30))
def test_multiset_short_cut_agrees(text: str) -> None:
    argument = "^^;" + text
    if _is_plain(argument):
        expected = [a for piece in _pieces(argument) if (a := read_set(piece)) is not None]
        assert read_multiset(argument) == expected


def test_hangup_and_respond() -> None:
    assert read_hangup("user_busy") == "USER_BUSY"
    assert read_hangup("17") == "USER_BUSY"
    assert read_hangup("failure") == "NORMAL_CLEARING"
    assert read_hangup(None) == "NORMAL_CLEARING"
    assert read_respond("503 Full") == (503, "Full")
    assert read_respond("") == (488, "")


def test_limit_execute() -> None:
    limit = read_limit_execute("hash gw A 2/60 bridge {a=b}sofia/gateway/gwA/1 x")
    assert limit is not None
    assert (limit.backend, limit.resource, limit.most, limit.interval) == ("hash", "A", 2, 60)
    assert limit.application == Application("bridge", "{a=b}sofia/gateway/gwA/1 x")
    assert read_limit_execute("hash gw A 2") is None


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("hash vn_rate a_1 3/60 !USER_BUSY", (3, 60, "!USER_BUSY")),
        ("hash vn_rate a_1 3", (3, 0, "limit_exceeded")),
        ("hash vn_rate a_1", (-1, 0, "limit_exceeded")),
        ("hash vn_rate a_1 -1 x y z", (-1, 0, "x")),
        ("hash vn_rate", None),
        ("", None),
    ],
)
def test_limit(argument: str, found: tuple[int, int, str] | None) -> None:
    limit = read_limit(argument)
    assert (limit and (limit.most, limit.interval, limit.then)) == found


def test_causes() -> None:
    assert causes.cause_of_sip(486) == causes.cause_of_sip(600) == "USER_BUSY"
    for status in (401, 402, 403, 407, 603, 608):
        assert causes.cause_of_sip(status) == "CALL_REJECTED"
    for status in (400, 481, 500, 503):
        assert causes.cause_of_sip(status) == "NORMAL_TEMPORARY_FAILURE"
    assert causes.cause_of_sip(699) == "NORMAL_UNSPECIFIED"
    assert causes.sip_of_cause("CALL_REJECTED") == 603
    assert causes.sip_of_cause("PROGRESS_TIMEOUT") == 480
    assert causes.q850_of("PROGRESS_TIMEOUT") == 16
    assert causes.q850_of("USER_BUSY") == 17
    assert causes.cause_of_text("807") == "PROGRESS_TIMEOUT"
