"""YAML as plain data with the line of every value; every scalar stays text.

YAML 1.1 would read an unquoted +18005551234 as an integer, 22:00 as 1320 and "no" as false. Which
text is a number is for the model to say, so nothing is resolved here. Parsed from libyaml's events
with a stack of our own: ten times faster than composing nodes, and depth and aliases are bounded.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from vnroute.importing.findings import Findings, shown

__all__ = ["Fields", "Items", "line_of", "parse_yaml"]

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 16
"""A routing file needs 6."""
MAX_ALIASED = 100_000
"""Values that aliases may add in all: a few lines of YAML can ask for billions."""

# What YAML 1.2 (5.1) does not let into a stream.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
_PATH = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Fields(dict[str, Any]):
    """A mapping, with its line and those of its values."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Items(list[Any]):
    """A list, with its line and those of its items."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def line_of(root: Any, path: str) -> int:
    """Return the line of the value at a path such as ``plans[0].steps[1].ring[0]``.

    Where the path leads to nothing, that of the last value on it.
    """
    line = getattr(root, "line", 1)
    for name, position in _PATH.findall(path):
        if isinstance(root, Fields) and name in root:
            line, root = root.lines[name], root[name]
        elif isinstance(root, Items) and position and int(position) < len(root):
            line, root = root.lines[int(position)], root[int(position)]
        else:
            break
    return int(line)


def parse_yaml(data: bytes, file: str, problems: Findings) -> Any:
    """Return the file's one document: Fields, Items and str; None where it cannot be read.

    Whatever is wrong with it is added to ``problems``.
    """
    text = _decoded(data, file, problems)
    if text is None:
        return None
    try:
        return _Builder(text, file, problems).build()
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        # libyaml has the end of a file on the line after its last.
        line = min(mark.line, text.rstrip("\n").count("\n")) + 1 if mark else 0
        problems.add(file, line, "file", *_said(error, mark, text))
    except yaml.YAMLError as error:
        problems.add(file, 0, "file", str(error).splitlines()[0], "YAML")
    return None


def _decoded(data: bytes, file: str, problems: Findings) -> str | None:
    if len(data) > MAX_BYTES:
        found, expected = f"{len(data)} bytes", f"{MAX_BYTES} at most; import numbers from CSV"
        problems.add(file, 0, "file", found, expected)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X}, which is not UTF-8"
        problems.add(file, line, "file", found, "UTF-8 text")
        return None
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        found = f"the control character U+{ord(control[0]):04X}"
        problems.add(file, line, "file", found, "printable text")
        return None
    return text


def _said(error: yaml.MarkedYAMLError, mark: Any, text: str) -> tuple[str, str]:
    """Return found and expected for what libyaml says of a syntax error."""
    problem, context = error.problem or "", error.context or ""
    lines = text.splitlines()
    rest = lines[mark.line][mark.column :] if mark and mark.line < len(lines) else ""
    if rest.startswith("\t"):
        return "a tab", "YAML indented with spaces"
    found, expected = problem.removeprefix("found "), "YAML"
    if problem.startswith("did not find expected "):
        found = shown(rest.strip()) if rest.strip() else "the end of the line or file"
        expected = problem.removeprefix("did not find expected ")
    elif rest.strip():
        found += f" at {shown(rest.strip())}"
    return found + (f" {context}" if context else ""), expected


class _Stop(Exception):
    """The document cannot be read on; the problem has been added."""


def _path(stack: list[tuple[Any, str | None, str | None, int]], key: str) -> str:
    """Return the path of a field in the innermost of the open containers."""
    path = ""
    for container, inner, _, _ in stack:
        if type(container) is Items:
            path += f"[{len(container)}]"
        elif inner is not None:
            path += f".{inner}"
    return f"{path}.{key}".removeprefix(".")


class _Builder:
    """Builds data from libyaml's events. Values built are counted, aliases as what they stand for.

    ``stack`` holds the containers that are open, each with the key that waits for its value, its
    anchor, and the count at its start.
    """

    def __init__(self, text: str, file: str, problems: Findings) -> None:
        self.events = yaml.CSafeLoader(text)
        self.file = file
        self.problems = problems
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0
        self.aliased = 0

    def stop(self, line: int, found: str, expected: str) -> _Stop:
        self.problems.add(self.file, line, "file", found, expected)
        return _Stop()

    def build(self) -> Any:
        try:
            return self._document()
        except _Stop:
            return None

    def _document(self) -> Any:
        get = self.events.get_event
        document: Any = None
        documents = 0
        stack: list[tuple[Any, str | None, str | None, int]] = []
        container: Any = None
        key: str | None = None
        key_line = 0
        while True:
            event: Any = get()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                line = event.start_mark.line + 1
                value: Any = event.value
                self.count += 1
                if event.tag not in _TEXT_TAGS:
                    raise self.stop(line, f"the tag {shown(event.tag)}", "a value without a tag")
                if event.anchor is not None:
                    self.anchors[event.anchor] = (value, 1)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                line = event.start_mark.line + 1
                if len(stack) >= MAX_DEPTH:
                    raise self.stop(line, "values nested too deep", f"{MAX_DEPTH} levels at most")
                if event.tag not in (None, "!"):
                    raise self.stop(line, f"the tag {shown(event.tag)}", "a value without a tag")
                if type(container) is Fields and key is None:
                    raise self.stop(line, "a mapping or a list as a field's name", "a name")
                self.anchors.pop(event.anchor, None)
                stack.append((container, key, event.anchor, self.count))
                self.count += 1
                container = Fields(line) if kind is yaml.MappingStartEvent else Items(line)
                key = None
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                value, line = container, container.line
                container, key, anchor, count = stack.pop()
                if anchor is not None:
                    self.anchors[anchor] = (value, self.count - count)
            elif kind is yaml.AliasEvent:
                line = event.start_mark.line + 1
                if event.anchor not in self.anchors:
                    raise self.stop(line, f"the alias *{event.anchor}", "an anchor before it")
                value, size = self.anchors[event.anchor]
                self.count += size
                self.aliased += size
                if self.aliased > MAX_ALIASED:
                    expected = f"aliases of {MAX_ALIASED} values in all at most"
                    raise self.stop(line, f"the alias *{event.anchor}, of {size} values", expected)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise self.stop(line, "a second document (---)", "one document a file")
                continue
            elif kind is yaml.StreamEndEvent:
                return document
            else:
                continue
            # A value is whole: it is an item, a field's name, a field's value, or the document.
            if type(container) is Items:
                container.append(value)
                container.lines.append(line)
            elif type(container) is not Fields:
                document = value
            elif key is None:
                if type(value) is not str:
                    raise self.stop(line, "a mapping or a list as a field's name", "a name")
                key, key_line = value, line
            else:
                if key in container:
                    self.problems.add(
                        self.file,
                        key_line,
                        _path(stack, key),
                        f"{shown(key)} again",
                        f"each field once; it is first on line {container.lines[key]}",
                    )
                else:
                    container[key] = value
                    container.lines[key] = line
                key = None
