"""What a field of the tuning file accepts, in plain words, read from its schema. Pure."""

from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

NUMBERS = {int: "a whole number", float: "a number"}
MANY = 1_000


def accepted(field: FieldInfo) -> str:
    """Return words that go on from "must be": "a whole number from 1 to 10"."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "accepted" in extra:
        return str(extra["accepted"])
    kinds = _kinds(field.annotation)
    if bool in kinds:
        return "true or false"
    if choices := [kind for kind in kinds if isinstance(kind, str)]:
        return "one of: " + ", ".join(f'"{choice}"' for choice in choices)
    (kind,) = (kind for kind in kinds if kind in NUMBERS)
    null = ", or null" if type(None) in kinds else ""
    return f"{NUMBERS[kind]} {_range(field)}{null}"


def _kinds(annotation: Any) -> list[Any]:
    """Return what a union or a list of choices is made of."""
    return list(getattr(annotation, "__args__", None) or [annotation])


def _range(field: FieldInfo) -> str:
    low = high = ""
    for bound in field.metadata:
        match bound:
            case annotated_types.Ge(ge=value):
                low = f"from {_number(value)}"
            case annotated_types.Le(le=value):
                high = f"to {_number(value)}"
    return f"{low} {high}"


def _number(value: Any) -> str:
    return f"{value:,}"
