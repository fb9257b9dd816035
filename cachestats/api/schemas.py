"""What requests about the cache look like, for the API's description alone."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cachestats.durations import DURATION
from cachestats.keys import CACHE_TYPE
from cachestats.services.purge import KEY

# Up to 30 days, in any of the units.
WINDOW = r"^([1-9]|[12]\d|30)d$|^([1-9]\d?|[1-6]\d\d|7[01]\d|720)h$|^[1-9]\d{0,3}m$|^[1-9]\d{0,5}s$"
TEXTS = ("type", "model", "key", "older_than")
SWITCHES = ("expired", "all")


def _at_least_one() -> dict[str, Any]:
    """Return the constraint that some filter is given."""
    given: dict[str, Any] = {
        **{name: {"type": "string"} for name in TEXTS},
        **{name: {"const": True} for name in SWITCHES},
    }
    return {
        "anyOf": [
            {"required": [name], "properties": {name: schema}} for name, schema in given.items()
        ]
    }


class Purge(BaseModel):
    """What to delete: at least one filter; several combine with AND."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_at_least_one())

    type: Annotated[str, Field(pattern=f"^{CACHE_TYPE.pattern}$")] | None = None
    model: Annotated[str, Field(pattern=r"^[^\u0000]+$")] | None = Field(
        None, description="A model's name."
    )
    key: Annotated[str, Field(pattern=f"^{KEY.pattern}$")] | None = Field(
        None, description="8 to 64 of a key's digits."
    )
    older_than: Annotated[str, Field(pattern=f"^{DURATION.pattern}$")] | None = Field(
        None, description="An age: 7d, 12h, 30m."
    )
    expired: bool = Field(False, description="Only what has expired.")
    all: bool = Field(False, description="Everything; needed where no other filter is given.")
    dry_run: bool = Field(False, description="Only count.")
