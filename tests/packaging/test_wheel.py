"""What leaves the house: the wheel and the source archive hold what they should, and work."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSIONS = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "vnroute").rglob("*.pyx")
)
DATA = {".sql", ".yaml", ".csv", ".json", ".html", ".js", ".css", ".svg", ".txt"}
#: What a build reads. The rest of the checkout, such as an environment, stays out of the copy.
SOURCES = (
    "vnroute", "fs-conf", "docs", "bench", "tests", ".ci",
    "setup.py", "pyproject.toml", "MANIFEST.in", "Makefile", "README.md", "CHANGELOG.md", "LICENSE",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in ("Cython", "setuptools", "wheel")),
        reason="the build tools are not in this environment",
    ),
]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources alone: building must not touch the checkout that others use."""
    copy = tmp_path_factory.mktemp("build") / "vnroute"
    copy.mkdir()
    built = shutil.ignore_patterns("*.so", "__pycache__", "results")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=built)
        elif source.exists():
            shutil.copy2(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def sdist(checkout: Path) -> Path:
    run(sys.executable, "setup.py", "--quiet", "sdist", cwd=checkout)
    return next((checkout / "dist").glob("vnroute-*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(the wheel, what its build printed), built from the source archive as an installer does."""
    out = tmp_path_factory.mktemp("wheel")
    said = run(
        *(sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", out, sdist),
        cwd=out,
        # Optimising takes most of a build's time, and is not what is tested here.
        VNROUTE_BUILD="debug",
    )
    return next(out.glob("vnroute-*.whl")), said


def test_version_is_one(wheel: tuple[Path, str]) -> None:
    with zipfile.ZipFile(wheel[0]) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    import vnroute

    assert metadata["Version"] == vnroute.__version__
    assert metadata["License-Expression"] == "MIT"


def test_wheel_holds_types_beside_every_extension(wheel: tuple[Path, str]) -> None:
    with zipfile.ZipFile(wheel[0]) as archive:
        names = set(archive.namelist())
    assert "vnroute/py.typed" in names
    for extension in EXTENSIONS:
        assert any(n.startswith(f"{extension}.cpython-") and n.endswith(".so") for n in names), (
            f"{extension} was not built"
        )
        assert f"{extension}.pyi" in names, f"{extension} has no .pyi"


def test_wheel_holds_data_and_no_sources_of_extensions(wheel: tuple[Path, str]) -> None:
    with zipfile.ZipFile(wheel[0]) as archive:
        names = set(archive.namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "vnroute").rglob("*")
        if path.suffix in DATA | {".pxd", ".py"} and "__pycache__" not in path.parts
    }
    assert wanted <= names, f"left out of the wheel: {sorted(wanted - names)}"
    strangers = [n for n in names if not n.startswith(("vnroute/", "vnroute-"))]
    assert not strangers
    assert not [n for n in names if n.endswith((".pyx", ".c", ".h", ".o"))]


def test_wheel_holds_the_switchs_configuration(wheel: tuple[Path, str]) -> None:
    with zipfile.ZipFile(wheel[0]) as archive:
        inside = {n for n in archive.namelist() if n.startswith("vnroute/fs-conf/")}
        files = [path for path in (ROOT / "fs-conf").rglob("*") if path.is_file()]
        assert inside == {f"vnroute/{path.relative_to(ROOT).as_posix()}" for path in files}
        for path in files:
            assert archive.read(f"vnroute/{path.relative_to(ROOT).as_posix()}") == path.read_bytes()


def test_wheel_is_for_any_processor_of_its_kind(wheel: tuple[Path, str]) -> None:
    said = wheel[1]
    assert "-fPIC" in said, "the compiler's commands were not shown"
    assert "-march=" not in said
    assert "-mtune=native" not in said
    setup = (ROOT / "setup.py").read_text()
    assert "-march" not in setup


def test_sdist_holds_what_a_build_and_a_reader_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in (ROOT / "vnroute").rglob("*"):
        if path.suffix in DATA | {".pyx", ".pxd", ".pxi", ".pyi", ".h", ".py"}:
            assert path.relative_to(ROOT).as_posix() in names
    assert {"setup.py", "pyproject.toml", "Makefile", "tests/packaging/test_wheel.py"} <= names
    assert {"bench/peers/floor_epoll.c", "bench/data/plain.channel_data"} <= names
    assert not [n for n in names if n.endswith((".so", ".pyc")) or "/.venv" in n]


def test_installed_wheel_imports(wheel: tuple[Path, str], tmp_path: Path) -> None:
    """In an environment of its own, with what vnroute needs installed as an operator would."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    install = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    probe = subprocess.run(
        [*map(str, install), "--retries", "1", "--no-deps", "msgspec"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode:
        pytest.skip(f"no package registry in reach: {probe.stderr.strip().splitlines()[-1]}")
    run(*install, *project["dependencies"], cwd=tmp_path)
    run(*install, "--no-deps", wheel[0], cwd=tmp_path)
    modules = ["vnroute", *(extension.replace("/", ".") for extension in EXTENSIONS)]
    run(python, "-W", "error::ImportWarning", "-c", f"import {', '.join(modules)}", cwd=tmp_path)
    code = "from vnroute.loadtest.machine import find_tools; print(find_tools().fs_conf)"
    conf = run(python, "-c", code, cwd=tmp_path, PYTHONPATH="", VNROUTE_FS_CONF="")
    assert Path(conf.strip()).is_relative_to(tmp_path / "venv")
    assert (Path(conf.strip()) / "freeswitch.xml").is_file()
    said = run(python, "-m", "pip", "--disable-pip-version-check", "check", cwd=tmp_path)
    assert "No broken requirements" in said
