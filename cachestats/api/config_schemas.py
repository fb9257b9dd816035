"""What requests about the configuration look like, for the API's description alone."""

from typing import Annotated, Any

from drf_spectacular.utils import OpenApiExample
from pydantic import BaseModel, ConfigDict, Field, create_model

from cachestats.config.schema import sections
from cachestats.config_reports import RevisionReport
from cachestats.services import REASON_CHARACTERS

NAMES = [f"{section}.{name}" for section, kind in sections().items() for name in kind.model_fields]


def _no_default(schema: dict[str, Any]) -> None:
    """What is left out stays as it is."""
    schema.pop("default", None)


def _some_of(section: str) -> Any:
    """Return the field of a patch for a section: not empty, and without defaults."""
    kind = sections()[section]

    def changes(schema: dict[str, Any]) -> None:
        schema["minProperties"] = 1
        for field in schema["properties"].values():
            _no_default(field)
            field.pop("accepted", None)

    model = create_model(f"{kind.__name__}Changes", __base__=kind, __doc__=kind.__doc__)
    model.model_config["json_schema_extra"] = changes
    model.model_rebuild(force=True)
    return (model, Field(None, json_schema_extra=_no_default))


class Patch(BaseModel):
    """Values to change, by section, or to give back to the file: at least one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"anyOf": [{"required": [name]} for name in (*sections(), "reset")]},
    )

    reset: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": NAMES})]], Field(min_length=1)
    ] = Field(
        [],
        description="Values that the file decides again; what is changed as well is changed.",
        json_schema_extra=_no_default,
    )
    reason: Annotated[str, Field(max_length=REASON_CHARACTERS, pattern=r"^[^\u0000]*$")] | None = (
        Field(None, description="Why, for who reads the history.")
    )


ConfigPatch = create_model(
    "ConfigPatch",
    __base__=Patch,
    __doc__=Patch.__doc__,
    **{section: _some_of(section) for section in sections()},
)


class HistoryPage(BaseModel):
    """A page of revisions, newest first. next: where the following page is."""

    next: str | None
    results: list[RevisionReport]


CONFIG = {
    "revision": 12,
    "errors": [],
    "values": {
        "caching": {
            "default_ttl": {
                "value": 3600,
                "source": "revision 12",
                "default": 2592000,
                "description": "Seconds that an entry lives; 0: it is not stored.",
                "accepted": "a whole number from 0 to 315,360,000",
                "constraints": {"type": "integer", "minimum": 0, "maximum": 315360000},
                "note": "",
            }
        }
    },
}
READS = [OpenApiExample("One value of many", value=CONFIG, response_only=True)]
CHANGES = [
    OpenApiExample(
        "An hour, and the file's context again",
        value={
            "caching": {"default_ttl": 3600},
            "reset": ["inference.num_ctx"],
            "reason": "Answers went stale",
        },
        request_only=True,
    ),
    *READS,
]
HISTORY = [
    OpenApiExample(
        "One revision",
        value={
            "next": None,
            "results": [
                {
                    "number": 12,
                    "author": "chief",
                    "token_name": "console",
                    "reason": "Answers went stale",
                    "created_at": "2026-01-31T08:00:00Z",
                    "changes": [
                        {
                            "field": "caching.default_ttl",
                            "in_file_before": True,
                            "before": None,
                            "in_file_after": False,
                            "after": 3600,
                        }
                    ],
                }
            ],
        },
        response_only=True,
    )
]
