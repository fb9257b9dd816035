"""How the API's description is made: OpenAPI 3.1 of the views, by drf-spectacular.

What a view answers with is a frozen dataclass (the reports that pages show too) or a pydantic model
that stands for documentation alone (`*/api/schemas.py`); both become schemas by name. A view says
with `@extend_schema`, above each of its methods, what is its own:

    @extend_schema(
        operation_id="cache_purge",
        tags=["Cache"],
        summary="Delete entries",                  # the docstring is the description
        request=PurgeBody,                         # a pydantic model; constraints are exact
        responses={200: PurgeResult},
        examples=[OpenApiExample("Dry run", value={...}, request_only=True), ...],
    )

What all have in common is added here: the problems of 400, 401, 403 and so on, whether a body is
required, the scope, and the body of whatever went wrong. So a status beside these (409, 422 ...)
needs only its meaning: `409: OpenApiResponse(description="...")`. A fuzzer holds the whole to the
truth.
"""

import dataclasses
from typing import Any

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction
from pydantic import BaseModel, TypeAdapter
from rest_framework.permissions import AllowAny

from perfsite.access import PERMISSIONS

PROBLEM = "application/problem+json"
COMPONENTS = "#/components/schemas/"
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "Always about:blank."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which field; empty where it is no field's fault.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "examples": ["text"]},
                    "message": {"type": "string"},
                },
                "required": ["field", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance", "errors"],
}
# Statuses that need no word of a view's own.
EVERYWHERE = {
    "401": "No token, or one that is unknown, expired or revoked.",
    "403": "The token lacks the scope, or a session the permission or its CSRF token.",
    "406": "Only JSON is spoken here.",
    "429": "Too many requests; Retry-After says for how many seconds to wait.",
    "503": "Not possible right now; Retry-After says when to try again.",
}
WITH_INPUT = {"400": "The request has errors: `errors` names each field and what is accepted."}
WITH_PATH = {"404": "Nothing is there, or nothing that you may see."}
WITH_BODY = {
    "411": "The body has no Content-Length.",
    "413": "The body is too large.",
    "415": "The body's type is not accepted.",
}


class TokenScheme(OpenApiAuthenticationExtension):
    """The token of the header `Authorization`."""

    target_class = "perfsite.access.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:  # noqa: ARG002
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token with the scopes that the operations name.",
        }


class PlainClass(OpenApiSerializerExtension):
    """Frozen dataclasses and pydantic models, as pydantic describes them."""

    priority = 1

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return isinstance(target, type) and (
            dataclasses.is_dataclass(target) or issubclass(target, BaseModel)
        )

    def get_name(self, auto_schema: Any, direction: Direction) -> str:  # noqa: ARG002
        return str(self.target.__name__)

    def get_identity(self, auto_schema: Any, direction: Direction) -> Any:  # noqa: ARG002
        # A part of one answer may be another's whole, whichever is described first: the same class,
        # so the same schema.
        set_override(self.target, "suppress_collision_warning", True)
        return self.target

    def map_serializer(self, auto_schema: Any, direction: Direction) -> dict[str, Any]:
        schema = TypeAdapter(self.target).json_schema(
            ref_template=COMPONENTS + "{model}",
            mode="validation" if direction == "request" else "serialization",
        )
        for name, part in schema.pop("$defs", {}).items():
            auto_schema.registry.register_on_missing(_component(name, part))
        return schema


class ApiSchema(AutoSchema):
    """Describes one operation, with what all of them have in common."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self.registry.register_on_missing(_component("Problem", PROBLEM_SCHEMA))
        if body := operation.get("requestBody"):
            body["required"] = any(self._needs(part["schema"]) for part in body["content"].values())
        answers = operation["responses"]
        for status, meaning in self._problems(operation).items():
            answers.setdefault(status, {"description": meaning})
        for status, answer in answers.items():
            if status >= "400":
                answer.setdefault(
                    "content", {PROBLEM: {"schema": {"$ref": f"{COMPONENTS}Problem"}}}
                )
        operation["responses"] = dict(sorted(answers.items()))
        if scope := getattr(self.view, "required_scopes", {}).get(self.method):
            described = operation.get("description", "")
            permission = PERMISSIONS.get(scope)
            needed = f"Scope: `{scope}`" + (f"; permission: `{permission}`" if permission else "")
            operation["description"] = f"{described}\n\n{needed}".strip()
        return operation

    def _problems(self, operation: dict[str, Any]) -> dict[str, str]:
        common = {**WITH_INPUT, **EVERYWHERE}
        if AllowAny in self.view.permission_classes:
            common = {"406": EVERYWHERE["406"]}
        if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
            common |= WITH_PATH
        if "requestBody" in operation:
            common |= WITH_BODY
        return common

    def _needs(self, schema: dict[str, Any]) -> bool:
        """Return whether a body of this schema must be there."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(COMPONENTS)
            schema = self.registry[name, ResolvedComponent.SCHEMA].schema
        return any(schema.get(word) for word in ("required", "minProperties", "anyOf", "oneOf"))


def _component(name: str, schema: dict[str, Any]) -> ResolvedComponent:
    return ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema)
