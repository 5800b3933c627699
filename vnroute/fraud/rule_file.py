"""The file of fraud rules: YAML, a list under ``rules``."""

from __future__ import annotations

from pathlib import Path

from vnroute.importing.conversion import convert
from vnroute.importing.findings import Findings, shown
from vnroute.importing.yaml_data import Fields, line_of, parse_yaml
from vnroute.model import RoutingDataError
from vnroute.model.fraud import FraudRule

__all__ = ["read_rules"]

_MOST = 1000


def read_rules(path: Path) -> tuple[FraudRule, ...]:
    """Return the rules of a file.

    Raises OSError where it cannot be read, RoutingDataError with the file, line and field of
    everything that is wrong in it.
    """
    problems, file = Findings(), str(path)
    root = parse_yaml(path.read_bytes(), file, problems)

    def report(place: str, found: str, expected: str) -> None:
        line = line_of(root, place) if isinstance(root, Fields) else 0
        problems.add(file, line, place, found, expected)

    rules: list[FraudRule] = []
    if not len(problems):
        section = root.get("rules") if isinstance(root, Fields) else None
        if not isinstance(root, Fields) or not isinstance(section, list):
            report("rules", shown(section if isinstance(root, Fields) else root), "a list of rules")
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
