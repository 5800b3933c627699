"""The wire: commands as mod_event_socket reads them, CHANNEL_DATA as it writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.simulator.applications import Application
from vnroute.simulator.channel_data import (
    Caller,
    Setup,
    Switch,
    channel_variables,
    encode_channel_data,
    url_encode,
)
from vnroute.simulator.framing import (
    Command,
    CommandReader,
    ProtocolError,
    disconnect_notice,
    extension_of,
    read_answer,
)

DATA = Path(__file__).parent / "data"

ANSWER = (
    b"sendmsg\ncall-command: xferext\napplication: multiset ^^;a=b;c=d\n"
    b"application: bridge {x=y}sofia/gateway/gwA/1|sofia/gateway/gwB/1\n"
    b"application: hangup USER_BUSY\n\nexit\n\n"
)
EXTENSION = [
    Application("multiset", "^^;a=b;c=d"),
    Application("bridge", "{x=y}sofia/gateway/gwA/1|sofia/gateway/gwB/1"),
    Application("hangup", "USER_BUSY"),
]


def test_an_answer() -> None:
    extension, commands = read_answer(b"connect\n\n" + ANSWER)
    assert extension == EXTENSION
    assert [command.name for command in commands] == ["connect", "sendmsg", "exit"]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40))
def test_pieces_make_the_same_commands(size: int) -> None:
    reader = CommandReader()
    commands = []
    for i in range(0, len(ANSWER), size):
        commands.extend(reader.feed(ANSWER[i : i + size]))
    assert [command.name for command in commands] == ["sendmsg", "exit"]
    assert extension_of(commands[0]) == EXTENSION
    assert not reader.holds_part


def test_spaces_before_a_value_go_and_those_behind_stay() -> None:
    (command,) = CommandReader().feed(b"sendmsg\ncall-command:xferext\napplication:   set a=b \n\n")
    assert extension_of(command) == [Application("set", "a=b ")]


def test_a_carriage_return_swallows_headers() -> None:
    extension, _ = read_answer(
        b"sendmsg\r\ncall-command: xferext\napplication: set a=b\r\napplication: answer\n\n"
    )
    # The first return ends the command line; the second ends one header that began at
    # "call-command:" and took the application with it.
    assert extension is None


def test_an_empty_application_removes_those_before_it() -> None:
    extension, _ = read_answer(
        b"sendmsg\ncall-command: xferext\napplication: answer\napplication: \n"
        b"application: hangup\n\n"
    )
    assert extension == [Application("hangup", None)]


def test_a_list_of_applications_is_one_header() -> None:
    extension, _ = read_answer(
        b"sendmsg\ncall-command: xferext\napplication: ARRAY::answer|:hangup\n\n"
    )
    assert extension == [Application("ARRAY::answer|:hangup", None)]


def test_the_unload_trap() -> None:
    _, commands = read_answer(
        b"sendmsg\ncall-command: xferext\napplication: set a=unload mod_event_socket\n\n"
    )
    assert commands[0].name == "api"


def test_a_body_follows_its_length() -> None:
    data = (
        b"sendmsg\ncall-command: execute\ncontent-length: 4\nexecute-app-name: log\n\n"
        b"ex\n\nexit\n\n"
    )
    first, second = CommandReader().feed(data)
    assert first.body == b"ex\n\n"
    assert first.headers.get("execute-app-name") == "log"
    assert second.name == "exit"
    reader = CommandReader()
    assert reader.feed(data[:-12]) == []
    assert reader.holds_part


def test_a_length_out_of_range_ends_the_connection() -> None:
    with pytest.raises(ProtocolError):
        CommandReader().feed(b"sendmsg\ncontent-length: -1\n\n")
    with pytest.raises(ProtocolError):
        CommandReader().feed(b"sendmsg\ncontent-length: 99999999\n\n")


def test_names() -> None:
    for text, name in (
        ("exitnow\n\n", "exit"),
        ("...\n\n", "exit"),
        ("CONNECT\n\n", "connect"),
        ("getvar x\n\n", "getvar"),
        ("linger\n\n", "linger"),
        ("filter a b\n\n", "filter"),
    ):
        assert Command(text).name == name


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(1, 9))
def test_any_bytes_are_read_to_an_end(data: bytes, size: int) -> None:
    whole: list[str] = []
    pieces: list[str] = []
    try:
        whole = [command.text for command in CommandReader().feed(data)]
        reader = CommandReader()
        for i in range(0, len(data), size):
            pieces.extend(command.text for command in reader.feed(data[i : i + size]))
    except ProtocolError:
        return
    assert whole == pieces


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab :=A[1]{}|\r", max_size=12), max_size=4))
def test_the_short_cut_agrees_with_the_long_way(values: list[str]) -> None:
    text = (
        "sendmsg\ncall-command: xferext\n" + "".join(f"application: {v}\n" for v in values) + "\n"
    )
    command = Command(text)
    extension = extension_of(command)
    if "\r" not in text:
        long_way = [line for line in command.headers.all("application")]
        assert extension is not None
        assert [str(application) for application in extension] == long_way


def test_disconnect_notice() -> None:
    notice = disconnect_notice("some-uuid")
    head, _, body = notice.partition(b"\n\n")
    assert b"Content-Length: 67" in head
    assert len(body) == 67


def plain_setup(name: str, **more: object) -> Setup:
    return Setup(
        did="18005551234",
        caller=Caller("+34911234567", name),
        switch=Switch(name="vm"),
        **more,  # type: ignore[arg-type]
    )


def test_channel_data_of_a_plain_call_is_freeswitchs_to_the_byte() -> None:
    setup = plain_setup(
        "Ana Alvarez",
        uuid="402983c6-aefe-4893-a2aa-5fe147db3f3f",
        microseconds=1795364836137692,
        session_id=1,
        sequence=422,
        call_id="1-17062@127.0.0.1",
        tag="17062T1",
        branch="z9hG4bK-17062-1-0",
    )
    expected = (DATA / "plain.channel_data").read_bytes()
    with_time_zone = encode_channel_data(setup, "127.0.0.1", "127.0.0.1:8085")
    assert without_local_time(with_time_zone) == without_local_time(expected)


def test_channel_data_of_a_hostile_call_is_freeswitchs_to_the_byte() -> None:
    setup = plain_setup(
        "O'Brien, {J} | x},sofia/evil/900@1.2.3.4 ${system(id)} %0Aexit",
        uuid="ad99dd54-7094-4c17-9b18-1362a4ad2d05",
        microseconds=1795364848477695,
        event_microseconds=1795364848497778,
        session_id=22,
        sequence=891,
        call_id="1-17077@127.0.0.1",
        tag="17077T1",
        branch="z9hG4bK-17077-1-0",
    )
    expected = (DATA / "hostile_name.channel_data").read_bytes()
    got = encode_channel_data(setup, "127.0.0.1", "127.0.0.1:8085")
    assert without_local_time(got) == without_local_time(expected)


def test_custom_headers_stand_where_freeswitch_puts_them() -> None:
    expected = (DATA / "custom_headers.channel_data").read_bytes().decode().split("\n")
    setup = plain_setup(
        "Ana Alvarez",
        uuid="u",
        microseconds=1,
        extra=(("sip_h_X-Campaign", "spring%2F26"), ("sip_h_X-Trunk-Id", '77; a=b, c="d|e"')),
    )
    got = encode_channel_data(setup).decode().split("\n")
    assert [line.partition(":")[0] for line in got] == [line.partition(":")[0] for line in expected]
    for line in expected:
        if line.startswith("variable_sip_h_"):
            assert line in got


def without_local_time(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if not line.startswith(b"Event-Date-Local")]


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a b", b"a%20b"),
        ("%0A", b"%0A"),
        ("%0a", b"%250a"),
        ("50%", b"50%25"),
        ("%A", b"%25A"),
        ("é", b"%C3%A9"),
        ("a,b(c)!$'*", b"a,b(c)!$'*"),
        ("\n", b"%0A"),
        ("~", b"~"),
        ("\x7f", b"%7F"),
    ],
)
def test_url_encode(value: str, encoded: bytes) -> None:
    assert url_encode(value) == encoded


def test_variables_the_plan_can_name() -> None:
    variables = channel_variables(plain_setup("Ana", uuid="u", microseconds=1))
    assert variables["destination_number"] == "18005551234"
    assert variables["caller_id_name"] == "Ana"
