"""The runtime is free of Rust: no package that vnroute needs at run time ships a Rust extension.

Walks vnroute's own requirements and all that those require, as installed here, and reads each
one's files: the name of the tool that built it, and the bytes of its binaries, which bear the
paths of Rust's own library in their panic messages.
"""

from __future__ import annotations

import importlib.metadata as metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
#: What an operator installs to run vnroute; tests, linters and benchmarks may use what they like.
RUNTIME_EXTRAS = ("esl", "loadtest", "postgres")
RUST_BUILDERS = re.compile(r"^Generator:.*\b(maturin|setuptools-rust|rust)", re.MULTILINE | re.I)
RUST_BINARY = re.compile(rb"/rustc/[0-9a-f]{8}|rust_begin_unwind|rust_panic|RUST_BACKTRACE")
#: Packages known for Rust, which give themselves away even where only their source is installed.
RUST_PACKAGES = {
    "ast-serialize", "bcrypt", "cryptography", "granian", "jiter", "orjson", "pydantic-core",
    "rpds-py", "ruff", "tokenizers", "watchfiles",
}  # fmt: skip


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = project["dependencies"] + [line for name in RUNTIME_EXTRAS for line in extras[name]]
    return [Requirement(line) for line in named]


def needed(start: list[Requirement]) -> tuple[set[str], set[str]]:
    """(names installed, names missing) of all that ``start`` leads to on this interpreter."""
    installed: set[str] = set()
    missing: set[str] = set()
    seen: set[tuple[str, str]] = set()
    todo = [(requirement, "") for requirement in start]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            lines = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            missing.add(name)
            continue
        installed.add(name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                todo += [(Requirement(line), wanted) for line in lines]
    return installed, missing


def signs_of_rust(name: str) -> Iterator[str]:
    distribution = metadata.distribution(name)
    if canonicalize_name(name) in RUST_PACKAGES:
        yield f"{name} is known for Rust"
    if built := RUST_BUILDERS.search(distribution.read_text("WHEEL") or ""):
        yield f"{name}: {built[0]}"
    for file in distribution.files or []:
        path = Path(str(distribution.locate_file(file)))
        is_binary = ".so" in path.suffixes or path.parent.name == "bin"
        if is_binary and path.is_file() and RUST_BINARY.search(path.read_bytes()):
            yield f"{name}: {file} was compiled by Rust"


def test_no_runtime_requirement_ships_rust() -> None:
    installed, missing = needed(requirements())
    assert not missing, f"needed at run time but not installed: {sorted(missing)}"
    assert {"msgspec", "uvloop", "litestar", "uvicorn", "python-esl"} <= installed
    found = [sign for name in sorted(installed) for sign in signs_of_rust(name)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["ruff", "ast-serialize"])
def test_the_search_finds_rust_where_it_is(name: str) -> None:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    signs = list(signs_of_rust(name))
    assert any("Generator" in sign for sign in signs)
    assert any("compiled by Rust" in sign for sign in signs)


def test_uvicorn_is_asked_for_without_its_standard_extra() -> None:
    # The extra brings watchfiles, which is Rust.
    uvicorn = next(one for one in requirements() if one.name == "uvicorn")
    assert not uvicorn.extras


def test_phonenumbers_comes_once() -> None:
    # phonenumberslite is the same module; with both, the last one installed wins.
    installed, _ = needed(requirements())
    assert not {"phonenumbers", "phonenumberslite"} <= installed
