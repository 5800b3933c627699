"""Build vnroute's Cython extensions; everything else about the package is in pyproject.toml.

Every ``.pyx`` file below ``vnroute/`` becomes an extension module of the same dotted name.  The
generated C goes to ``build/``, so that a ``.c`` or ``.h`` file below ``vnroute/`` is always one
that a person wrote; a module names its helper ``.c`` files itself, with a ``# distutils: sources``
comment (paths from the top of the checkout).  Compiler directives (boundscheck and so on) stand at
the head of each ``.pyx``, where the code that relies on them is.

``VNROUTE_BUILD`` chooses what is built; several words may be joined by commas:

    release   the default: -O3, nothing that ties the result to this machine's processor
    debug     -O0 -g, C and Cython assertions on, bounds and None checks on whatever a file says
    annotate  Cython's HTML view of each module, beside the generated C
    coverage  line tracing, for coverage.py with its Cython plugin
    none      no extension at all: an editable install that leaves building to "build_ext --inplace"
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

KNOWN_MODES = {"release", "debug", "annotate", "coverage", "none"}

#: Directives which a debug build forces on, even where a file turns them off for speed.
DEBUG_DIRECTIVES = {
    "boundscheck": True,
    "initializedcheck": True,
    "nonecheck": True,
    "overflowcheck": False,  # hashes and keys wrap round on purpose
}


class BuildWithConfiguration(build_py):  # type: ignore[misc]
    """Puts ``fs-conf/`` into the package, as ``vnroute/fs-conf``, where it is not built in place.

    It stands at the top of a checkout, where a person looks for it; what is installed has no top.
    """

    def run(self) -> None:
        """Build as ever, then copy."""
        super().run()
        if not self.editable_mode:
            for source, target in self._configuration():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return what is built, these files too: whoever uninstalls removes them."""
        found: list[str] = super().get_outputs(include_bytecode)
        if not self.editable_mode:
            found += [str(target) for _, target in self._configuration()]
        return found

    def _configuration(self) -> list[tuple[Path, Path]]:
        top = Path("fs-conf")
        into = Path(self.build_lib) / "vnroute" / top
        return [
            (path, into / path.relative_to(top))
            for path in sorted(top.rglob("*"))
            if path.is_file()
        ]


def build_modes() -> set[str]:
    """The words of ``VNROUTE_BUILD``; an unknown one is an error rather than a silent release."""
    words = {word.strip() for word in os.environ.get("VNROUTE_BUILD", "release").split(",")}
    words.discard("")
    unknown = words - KNOWN_MODES
    if unknown:
        raise SystemExit(
            f"VNROUTE_BUILD: unknown {', '.join(sorted(unknown))};"
            f" it takes {', '.join(sorted(KNOWN_MODES))}"
        )
    return words or {"release"}


def extensions(modes: set[str]) -> list[Extension]:
    """One extension for each ``.pyx`` file, with the C flags of the chosen build."""
    macros: list[tuple[str, str | None]] = []
    undefine: list[str] = []
    if "debug" in modes:
        # The interpreter's own CFLAGS come first and hold -O2 or -O3 and -DNDEBUG: the last wins.
        cflags = ["-O0", "-g3"]
        undefine.append("NDEBUG")
    else:
        # Without assertions, Cython leaves behind variables and helpers that only they used.
        cflags = ["-O3", "-g0", "-Wno-unused-variable", "-Wno-unused-function"]
        macros.append(("CYTHON_WITHOUT_ASSERTIONS", "1"))
    if "coverage" in modes:
        macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")]

    found = []
    for source in sorted(Path("vnroute").rglob("*.pyx")):
        room = source.parent
        found.append(
            Extension(
                name=".".join(source.with_suffix("").parts),
                sources=[str(source)],
                include_dirs=[str(room)],
                depends=[str(path) for path in sorted(room.glob("*.[ch]"))],
                define_macros=macros,
                undef_macros=undefine,
                extra_compile_args=cflags,
            )
        )
    return found


def main() -> None:
    """Build what ``VNROUTE_BUILD`` asks for."""
    modes = build_modes()
    directives: dict[str, object] = {"language_level": "3"}
    if "debug" in modes:
        directives |= DEBUG_DIRECTIVES
    if "coverage" in modes:
        directives["linetrace"] = True
    wanted = [] if "none" in modes else extensions(modes)
    cores = os.cpu_count() or 1
    setup(
        ext_modules=cythonize(
            wanted,
            # Each mode has its own C: directives change it, and Cython looks at dates only.
            # Coverage reads the C beside its .pyx, and nowhere else.
            build_dir=None if "coverage" in modes else f"build/cython-{'-'.join(sorted(modes))}",
            compiler_directives=directives,
            annotate="annotate" in modes,
            quiet=True,
            nthreads=cores if len(wanted) > 1 else 0,
        )
        if wanted
        else [],
        cmdclass={"build_py": BuildWithConfiguration},
        options={"build_ext": {"parallel": cores}},
    )


# Guarded, because the worker processes of a parallel cythonize() import this file again.
if __name__ == "__main__":
    main()
