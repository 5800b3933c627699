"""The file of fraud rules: YAML, a list under ``rules``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from vnroute.importing.conversion import convert
from vnroute.importing.findings import Findings, shown
from vnroute.importing.yaml_data import line_of, parse_yaml
from vnroute.model import RoutingDataError
from vnroute.model.fraud import FraudRule

__all__ = ["read_rules", "rule_data", "rules_of", "written"]

_MOST = 1000


def read_rules(path: Path) -> tuple[FraudRule, ...]:
    """Return the rules of a file.

    Raises OSError where it cannot be read, RoutingDataError with the file, line and field of
    everything that is wrong in it.
    """
    problems, file = Findings(), str(path)
    root = parse_yaml(path.read_bytes(), file, problems)
    if len(problems):
        raise RoutingDataError(problems.kept, problems.more)
    return rules_of(root, file)


def rules_of(root: Any, file: str = "") -> tuple[FraudRule, ...]:
    """Return the rules of what a file, or the body of a request, holds.

    Raises RoutingDataError with the field, and the line where there is one, of everything wrong.
    """
    problems = Findings()

    def report(place: str, found: str, expected: str) -> None:
        line = line_of(root, place) if hasattr(root, "line") else 0
        problems.add(file, line, place, found, expected)

    rules: list[FraudRule] = []
    section = root.get("rules") if isinstance(root, dict) else None
    if not isinstance(root, dict) or not isinstance(section, list):
        report("rules", shown(section if isinstance(root, dict) else root), "a list of rules")
    else:
        for name in root:
            if name != "rules":
                report(name, f"the unknown section {shown(name)}", "rules")
        if len(section) > _MOST:
            report("rules", f"{len(section)} rules", f"{_MOST} at most")
        for place, data in enumerate(section[:_MOST]):
            rule = convert(FraudRule, data, f"rules[{place}]", report)
            if rule is not None and any(rule.id == other.id for other in rules):
                report(f"rules[{place}].id", f"{rule.id!r} again", "each id once")
            elif rule is not None:
                rules.append(rule)
    if len(problems):
        raise RoutingDataError(problems.kept, problems.more)
    return tuple(rules)


def rule_data(rule: FraudRule) -> dict[str, Any]:
    """Return a rule for JSON, without what is as it is when not given."""
    return {
        field.name: value
        for field in msgspec.structs.fields(rule)
        if (value := getattr(rule, field.name)) != field.default
    }


def written(rules: Iterable[FraudRule]) -> bytes:
    """Return the file of rules: a line a rule, without what is as it is when not given."""
    lines = [b"  - " + msgspec.json.encode(rule_data(rule)) for rule in rules]
    return b"\n".join([b"rules:" if lines else b"rules: []", *lines, b""])
