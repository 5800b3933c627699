"""The OpenAPI document: Litestar's own, and the bodies that we read by the model's own checks.

Bodies are converted by :mod:`vnroute.importing.conversion`, which finds every mistake and not only
the first, so Litestar does not know their types. msgspec knows the model's JSON schemas.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from vnroute.importing.routing_file import SECTIONS, one_of

__all__ = ["Schema"]

_REF = "#/components/schemas/{name}"


class Schema(JsonRenderPlugin):
    """Serves the document as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the document with what is added here."""
        return super().render(request, with_bodies(openapi_schema))


def with_bodies(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document with the schemas of the bodies that are read by hand."""
    from vnroute.web.api.callers import ChangedCallers
    from vnroute.web.api.decks import RollBack
    from vnroute.web.api.fraud import FraudRules
    from vnroute.web.api.gateways import Drain
    from vnroute.web.api.overrides import NewOverride
    from vnroute.web.api.people import BODIES as PEOPLE
    from vnroute.web.api.test_calls import TestCall

    by_operation = {
        **PEOPLE,
        "put_override": NewOverride,
        "change_callers": ChangedCallers,
        "roll_back_deck": RollBack,
        "test_call": TestCall,
        "drain": Drain,
        "put_fraud_rules": FraudRules,
        "test_fraud_rules": FraudRules,
    }

    types = {section: kind for section, kind in SECTIONS.items()}
    schemas, parts = msgspec.json.schema_components(
        [*types.values(), *by_operation.values()], ref_template=_REF
    )
    by_section = dict(zip(types, schemas, strict=False))
    bodies: dict[str, Any] = {
        f"put_{one_of(section)}": schema for section, schema in by_section.items()
    }
    bodies["paint_schedule"] = by_section["schedules"]
    bodies |= dict(zip(by_operation, schemas[len(types) :], strict=True))
    bodies["edit"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "put": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    section: {"type": "array", "items": schema}
                    for section, schema in by_section.items()
                },
            },
            "remove": {"type": "object", "additionalProperties": {
                "type": "array", "items": {"type": "string"}}},
            "if_match": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }  # fmt: skip
    paths = {
        path: {method: _with_body(operation, bodies) for method, operation in operations.items()}
        for path, operations in document.get("paths", {}).items()
    }
    components = document.get("components", {})
    return {
        **document,
        "paths": paths,
        "components": {**components, "schemas": {**components.get("schemas", {}), **parts}},
    }


def _with_body(operation: Any, bodies: dict[str, Any]) -> Any:
    schema = isinstance(operation, dict) and bodies.get(operation.get("operationId", ""))
    if not schema:
        return operation
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**operation, "requestBody": body}
