"""Languages and campaigns in the simulator: the cases that were seen on a real FreeSWITCH."""

from __future__ import annotations

import pytest

from tests.eventsocket.test_serve import Home
from tests.language_table import CASES, ROUTING, Case
from tests.simulator.test_screens import MOMENT, session
from vnroute.image.generations import current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Spoken, applications_of, channel_data
from vnroute.matcher.image import RouteImage
from vnroute.simulator.limits import Limits


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    home = Home(tmp_path_factory.mktemp("languages") / "home")
    home.load(ROUTING)
    path = current_image(home.path / "images")
    assert path is not None
    return Matcher(RouteImage(path))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_languages(matcher: Matcher, case: Case) -> None:
    block = channel_data(case.number, case.caller, spoken=Spoken(accept=case.accept))
    made = session(applications_of(matcher.decide(block, MOMENT)), Limits())
    assert made.final_sip == case.code
    tried = [attempt.gateway for attempt in made.attempts]
    assert (tried.count("gwA"), tried.count("gwB")) == case.rung
