"""Formats and what else a gateway may say: read, or refused with a pointed error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.model import Carrier, FieldError, Gateway
from vnroute.model.policy import Hunt


@pytest.mark.parametrize(
    ("format", "formats", "number", "dialled"),
    [
        ("{e164}", {}, "442079460123", "+442079460123"),
        ("00{e164_digits}", {}, "442079460123", "00442079460123"),
        ("9011*{e164_digits}#", {}, "442079460123", "9011*442079460123#"),
        ("{e164_digits:4}", {}, "442079460123", "79460123"),
        ("{e164}", {"+44": "0{national}"}, "442079460123", "02079460123"),
        ("{e164}", {"44 20": "0{national}", "+44": "x{e164}"}, "441619460123", "x+441619460123"),
        ("{e164}", {"+4420": "0{national}", "+44": "x{e164}"}, "442079460123", "02079460123"),
        ("{e164}", {"+1": "{national}"}, "12125550100", "2125550100"),
        ("{e164_digits:14}", {}, "4420794", "4420794"),
    ],
)
def test_formats(format: str, formats: dict[str, str], number: str, dialled: str) -> None:
    gateway = Gateway(id="g", gateway="g", format=format, formats=formats)
    assert gateway.dial(number) == f"sofia/gateway/g/{dialled}"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"format": "{e164_digits:0}"}, "format"),
        ({"format": "{e164_digits:15}"}, "format"),
        ({"format": "{e164}{e164}"}, "format"),
        ({"format": "12"}, "format"),
        ({"format": "{national}"}, "format"),
        ({"format": "{e164},a=b"}, "format"),
        ({"formats": {"+x": "{e164}"}}, "formats.+x"),
        ({"formats": {"+21": "{national}"}}, "formats.+21"),
        ({"formats": {"+44": "|"}}, "formats.+44"),
        ({"caller_format": "{e16}"}, "caller_format"),
        ({"caller_formats": {"+44": "{national"}}, "caller_formats.+44"),
        ({"codecs": ("PCMA", "a b")}, "codecs[1]"),
        ({"show": "me"}, "show"),
        ({"headers": {"Via": "x"}}, "headers.Via"),
        ({"headers": {"Identity": "x"}}, "headers.Identity"),
        ({"headers": {"X-A\n": "x"}}, "headers.X-A\n"),
        ({"headers": {"X-A": "a,b"}}, "headers.X-A"),
        ({"headers": {"X-A": "${uuid}"}}, "headers.X-A"),
        ({"headers": {"X-A": ""}}, "headers.X-A"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        Gateway(id="g", gateway="g", **fields)
    assert refused.value.field == field


def test_a_carrier_has_a_table_of_causes_and_codes_that_there_are() -> None:
    gateways = (Gateway(id="g", gateway="g"),)
    table: dict[str, Hunt] = {"CALL_REJECTED": "next", "404": "stop", "503": "once", "482": "stop"}
    assert Carrier(id="c", gateways=gateways, hunt=table).hunt == table
    for key in ("REJECTED", "200", "700", ""):
        with pytest.raises(FieldError) as refused:
            Carrier(id="c", gateways=gateways, hunt={key: "next"})
        assert refused.value.field == f"hunt.{key}"


@pytest.mark.parametrize("key", ["482", "483", "EXCHANGE_ROUTING_ERROR"])
@pytest.mark.parametrize("action", ["next", "once"])
def test_after_a_loop_no_carriers_table_goes_on(key: str, action: Hunt) -> None:
    with pytest.raises(FieldError) as refused:
        Carrier(id="c", gateways=(Gateway(id="g", gateway="g"),), hunt={key: action})
    assert refused.value.field == f"hunt.{key}"
    assert "a policy's hunt" in refused.value.expected


@given(st.text(max_size=30))
def test_a_format_is_read_or_refused(text: str) -> None:
    try:
        gateway = Gateway(id="g", gateway="g", format=text)
    except FieldError:
        return
    assert not set(gateway.dial("442079460123")) & set(" ,;|[]{}^$\\'\"()~:")
