from __future__ import annotations

import random
import re
from collections import Counter
from xml.etree import ElementTree

import pytest

from vnroute.loadtest.carrier_scenario import REFUSALS, choices, scenario, scripts_of
from vnroute.loadtest.profile import Ported
from vnroute.loadtest.sipp import caller_scenario
from vnroute.loadtest.traffic import quoted_name
from vnroute.simulator import Gateways
from vnroute.simulator.gateways import Behaviour


def behaviour(text: str) -> Behaviour:
    return Gateways.from_text(f"gateways: {{g: {text}}}").gateways["g"]


MIX = """{mix: [{weight: 3, answer: [100ms, 900ms]}, {weight: 1, refuse: [503, 486]},
          {weight: 1, ring: never}, {weight: 1, early_media: 50ms, refuse: 480, after: 100ms},
          {weight: 1, answer: 0ms, talk: 300ms, hangup: callee}]}"""


def labels_are_sound(text: str) -> None:
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", text))
    labels = [node.get("id") for node in root.iter("label")]
    assert len(labels) == len(set(labels))
    wanted = {node.get(name) for node in root.iter() for name in ("next", "ontimeout")}
    assert wanted - {None} <= set(labels)


def test_a_mixture_keeps_its_weights() -> None:
    weighted = scripts_of(behaviour(MIX), random.Random(1))
    total = sum(weight for weight, _ in weighted)
    silent = sum(weight for weight, script in weighted if not script.signals)
    refuses = [script.signals[-1][1] for _, script in weighted if script.signals]
    assert silent / total == 1 / 7
    assert {503, 486, 480, 200} == set(refuses)


def test_every_script_is_taken_early_and_by_weight_later() -> None:
    weighted = scripts_of(behaviour("{refuse: {503: 9, 486: 1}}"), random.Random(1))
    drawn = choices(weighted, 4000, random.Random(2))
    assert set(drawn[:2]) == {0, 1}
    count = Counter(weighted[place][1].signals[-1][1] for place in drawn)
    assert 3400 < count[503] < 3800


def test_scenarios_are_well_formed_and_their_labels_exist() -> None:
    for text in ("{answer: 0ms}", "silent", "{ring: forever}", "{refuse: 503}", MIX):
        scripts = [script for _, script in scripts_of(behaviour(text), random.Random(1))]
        labels_are_sound(scenario(scripts))
    for does in ("talk", "reinvite"):
        labels_are_sound(caller_scenario(does, 1.0, ["Privacy: id"]))


def test_every_refusal_can_be_played() -> None:
    for status in REFUSALS:
        text = scenario([s for _, s in scripts_of(behaviour(f"{{refuse: {status}}}"),
                                                  random.Random(1))])  # fmt: skip
        assert f"SIP/2.0 {status} Refused" in text


def test_patience_and_headers_are_put_into_the_callers_scenario() -> None:
    text = caller_scenario("talk", 1.2, ["Privacy: id", "X-A: [field1]"])
    assert 'timeout="1200" ontimeout="give_up"' in text
    assert 'timeout="60000" ontimeout' not in text
    assert "Privacy: id\n      X-A: [field1]\n" in text
    assert "      [headers]\n" not in caller_scenario("talk", 1.0, [])


@pytest.mark.parametrize(
    ("ported", "uri"),
    [
        (Ported(rn="+13125550199"),
         "sip:[field0];npdi;rn=+13125550199@[remote_ip]:[remote_port];user=phone"),
        (Ported(rn="+13125550199", npdi=False, where="uri"),
         "sip:[field0]@[remote_ip]:[remote_port];user=phone;rn=+13125550199"),
        (Ported(), "sip:[field0];npdi@[remote_ip]:[remote_port];user=phone"),
    ],
)  # fmt: skip
def test_portability_data_stands_in_every_uri_of_the_number(ported: Ported, uri: str) -> None:
    for does in ("talk", "reinvite"):
        text = caller_scenario(does, 1.0, [], ported)
        assert f"INVITE {uri} SIP/2.0" in text and f"CANCEL {uri} SIP/2.0" in text
        assert f"ACK {uri} SIP/2.0" in text
        # In brackets, or the parameters were the header's.
        assert text.count(f"To: <{uri}>") == text.count("To: <sip:[field0]") > 0
        labels_are_sound(text)


def test_names_cannot_break_out_of_sipps_file_or_of_the_quoted_string() -> None:
    assert quoted_name("") == ""
    assert quoted_name("O'Brien") == '"O\'Brien" '
    assert quoted_name('a;b"c\\') == '"a%3Bb\\"c\\\\" '
    assert quoted_name("x\r\ny") == '"x%0D%0Ay" '
