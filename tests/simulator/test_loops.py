"""Loops that carriers close: one call makes one call at each pass, and its caller gets 483."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loops_table import DOUBLING, LINEAR, passes


@pytest.mark.parametrize("name", LINEAR)
def test_passes_are_as_many_as_max_forwards(name: str, tmp_path: Path) -> None:
    assert passes(LINEAR[name], tmp_path) == (70, 483)


@pytest.mark.parametrize("name", DOUBLING)
def test_what_it_would_be_otherwise(name: str, tmp_path: Path) -> None:
    made, code = passes(DOUBLING[name], tmp_path, forwards=12)
    assert made >= 2**11 - 1
    assert code == 483
