"""Checks of screens: that what they name is there."""

from __future__ import annotations

from vnroute.importing.catalogue import Catalogue

__all__ = ["check_screens"]


def check_screens(catalogue: Catalogue) -> None:
    """Check that what accounts and screens name is there, and that plans are their accounts'."""
    for account in catalogue.changed_entities("accounts"):
        expected = catalogue.expected("screens", account.screen) if account.screen else None
        if expected:
            found = repr(account.screen)
            catalogue.add_problem("accounts", account.id, "screen", found, expected)
    if not any(catalogue.changed[kind] for kind in ("accounts", "plans", "screens")):
        return
    for account in catalogue.accounts.values():
        screen = catalogue.screens.get(account.screen)
        for name in sorted(screen.plans) if screen else ():
            plan = catalogue.plans.get(name)
            if screen and plan is not None and plan.account != account.id:
                found = f"{screen.id!r}, which treats by plan:{name} of {plan.account!r}"
                expected = f"a screen with plans of {account.id!r} only"
                catalogue.add_problem("accounts", account.id, "screen", found, expected)
    changed = catalogue.changed["screens"]
    systems = sorted(one.id for one in catalogue.screens.values() if one.system)
    for other in systems[1:] if changed else ():
        one = other if other in changed else systems[0]
        known = systems[0] if one == other else other
        expected = "one screen for the system at most"
        catalogue.add_problem("screens", one, "system", f"true, as in {known!r}", expected)
    for screen in catalogue.screens.values():
        for place, rule in enumerate(screen.rules if screen.id in changed else ()):
            for field, kind, key in (
                ("allow" if rule.allow else "block", "lists", rule.list),
                ("treat", "plans", "" if rule.rate else rule.treatment.plan),
            ):
                expected_one = catalogue.expected(kind, key) if key else None
                if expected_one:
                    path = f"rules[{place}].{field}"
                    catalogue.add_problem("screens", screen.id, path, repr(key), expected_one)
