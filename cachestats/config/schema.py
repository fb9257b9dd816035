"""The schema of the tuning file, and how file and revision become the values in force. Pure.

A revision is an overlay of just the changed values. Precedence: revision over file over
defaults; but the cache is on only where the file and the revision both say so, so that the file
can always switch it off.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cachestats.config.accepted import accepted
from cachestats.errors import FieldError, InvalidConfig
from cachestats.keys import CACHE_TYPE

MAX_TTL = 10 * 365 * 86400
# Less is no time to answer in: every question would fail.
SHORTEST_TIMEOUT = 0.1
Seconds = Annotated[int, Field(ge=0, le=MAX_TTL)]
Weight = Annotated[float, Field(ge=0, le=10)]
Lean = Annotated[float, Field(ge=-10, le=10)]
CacheType = Annotated[str, Field(pattern=f"^{CACHE_TYPE.pattern}$")]
SWITCH = "caching.enabled"
LEAN = "Added to the score of {}: above 0 if it is named too seldom."


class Section(BaseModel):
    """One section; values are of their exact type, and unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Inference(Section):
    """How the model is asked."""

    num_threads: int | None = Field(
        None, ge=1, le=512, description="Threads that the model runs in; null: the physical cores."
    )
    num_batch: int | None = Field(
        None,
        ge=1,
        le=8192,
        description="Tokens of a prompt that are worked on at once; null: the host's own.",
    )
    num_ctx: int = Field(
        4096, ge=512, le=131072, description="Tokens of context; a change reloads the model."
    )
    num_predict_short: int = Field(
        120, ge=1, le=4096, description="Tokens that Stage 1 may be answered with."
    )
    num_predict_long: int = Field(
        160, ge=1, le=4096, description="Tokens that Stage 2 may be answered with."
    )
    temperature: float = Field(
        0.3, ge=0, le=2, description="How free the model is; at 0 it writes the same each time."
    )
    variants: int = Field(
        3, ge=1, le=10, description="Texts of Stage 2 for one feeling, given in turn."
    )
    keep_alive: str = Field(
        "30m",
        pattern=r"^(-?[0-9]{1,9}|[0-9]{1,9}(ms|s|m|h))$",
        description="For how long the host keeps the model loaded; -1: for ever.",
        json_schema_extra={
            "accepted": 'a length of time such as "30m", "2h", "90" (seconds), "-1"'
        },
    )


class Scoring(Section):
    """How Stage 1 puts its signals together.

    The numbers are of SmolLM2-135M by likelihood, fitted on labelled diary texts (docs/quality.md);
    `evaluate --fit --apply` fits them to another model.
    """

    method: Literal["likelihood", "schema"] = Field(
        "likelihood", description="How the model is asked for a feeling."
    )
    model_weight: Weight = Field(0.855, description="Weight of the model's answer.")
    lexicon_weight: Weight = Field(1.366, description="Weight of the words' own meaning.")
    polarity_weight: Weight = Field(
        0.588, description="Weight of the model's verdict on pleasant or unpleasant."
    )
    lean_sad: Lean = Field(0.11, description=LEAN.format("sad"))
    lean_mad: Lean = Field(0.918, description=LEAN.format("mad"))
    lean_scared: Lean = Field(0.52, description=LEAN.format("scared"))
    lean_joyful: Lean = Field(-1.353, description=LEAN.format("joyful"))
    lean_powerful: Lean = Field(-0.81, description=LEAN.format("powerful"))
    lean_peaceful: Lean = Field(0.617, description=LEAN.format("peaceful"))
    confidence_slope: Weight = Field(
        0.791, description="How closely confidence follows the share of the best feeling."
    )
    confidence_offset: Lean = Field(0.679, description="Added to confidence, as log odds.")


class Caching(Section):
    """What is kept, for how long and how much of it."""

    enabled: bool = Field(True, description="Whether anything is cached; the file can forbid it.")
    default_ttl: Seconds = Field(
        30 * 86400, description="Seconds that an entry lives; 0: it is not stored."
    )
    ttl_api: Seconds = Field(86400, description="Seconds for the type api: answers of other APIs.")
    ttl_by_type: dict[CacheType, Seconds] = Field(
        {},
        description="Seconds for single types, before the other two.",
        json_schema_extra={
            "accepted": "an object with names of cache types (1 to 40 of a to z, 0 to 9 and _) and "
            f"for each a whole number from 0 to {MAX_TTL:,}",
            "additionalProperties": False,
        },
    )
    max_bytes: int = Field(
        1024**3,
        ge=1024**2,
        le=1024**5,
        description="Bytes of all values; beyond that those used longest ago go.",
    )

    def ttl(self, cache_type: str) -> int:
        """Return how many seconds an entry of this type lives by default; 0: it is not stored."""
        usual = self.ttl_api if cache_type == "api" else self.default_ttl
        return self.ttl_by_type.get(cache_type, usual)


class Networking(Section):
    """How hosts are spoken to."""

    max_concurrent_requests: int = Field(
        16, ge=1, le=1024, description="Requests at once of a process, to all hosts together."
    )
    per_host_limit: int = Field(
        6, ge=1, le=1024, description="Requests at once of a process, to one host."
    )
    timeout_connect: float = Field(
        10, ge=SHORTEST_TIMEOUT, le=600, description="Seconds until a host is reached."
    )
    timeout_read: float = Field(
        180, ge=SHORTEST_TIMEOUT, le=3600, description="Seconds until an answer comes."
    )
    retry_attempts: int = Field(3, ge=0, le=10, description="Attempts after the first.")
    retry_backoff_ms: tuple[Annotated[int, Field(ge=0, le=60000)], ...] = Field(
        (100, 300, 900),
        description="Milliseconds before each further attempt; the last goes on.",
        json_schema_extra={"accepted": "a list of whole numbers from 0 to 60,000"},
    )


class Config(Section):
    """Every value that can be tuned without a restart."""

    inference: Inference = Inference()
    scoring: Scoring = Scoring()
    caching: Caching = Caching()
    networking: Networking = Networking()


@dataclass(frozen=True, kw_only=True)
class Effective:
    """The values in force, and where each comes from.

    sources: "section.name" to "default", "file" or "revision N".
    """

    config: Config
    sources: Mapping[str, str]


def parse(values: Mapping[str, Any]) -> Config:
    """Return the configuration that these values, over the defaults, make.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    try:
        # In JSON mode a list may stand for a tuple and 10 for 10.0, but never "10" for 10.
        return Config.model_validate_json(json.dumps(values))
    except ValidationError as exc:
        raise InvalidConfig([_field_error(error) for error in exc.errors()]) from exc


def merge(
    file: Mapping[str, Any], overlay: Mapping[str, Any] | None = None, revision: int = 0
) -> Effective:
    """Return the values in force for a tuning file and a revision's overlay.

    Raises:
        InvalidConfig: as `parse`, for the file, the overlay, or both together.
    """
    parse(file)
    overlay = overlay or {}
    parse(overlay)
    sources: dict[str, str] = {}
    values: dict[str, dict[str, Any]] = {}
    for section, fields in Config.model_fields.items():
        names = fields.annotation.model_fields if fields.annotation else {}
        values[section] = {**file.get(section, {}), **overlay.get(section, {})}
        for name in names:
            if name in overlay.get(section, {}):
                sources[f"{section}.{name}"] = f"revision {revision}"
            elif name in file.get(section, {}):
                sources[f"{section}.{name}"] = "file"
            else:
                sources[f"{section}.{name}"] = "default"
    if file.get("caching", {}).get("enabled") is False:
        values["caching"]["enabled"] = False
        sources[SWITCH] = "file"
    return Effective(config=parse(values), sources=sources)


def sections() -> dict[str, type[Section]]:
    """Return the sections by name."""
    return {name: type(field.default) for name, field in Config.model_fields.items()}


def flat(overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return an overlay's values by "section.name"."""
    return {
        f"{section}.{name}": value
        for section, values in overlay.items()
        for name, value in values.items()
    }


def differs(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    """Return whether two flat overlays say otherwise of a value, or only one of them speaks."""
    return (name in one, one.get(name)) != (name in other, other.get(name))


def _field_error(error: Any) -> FieldError:
    """Return what is wrong where, and what is accepted there."""
    place = [str(part) for part in error["loc"] if part != "[key]"]
    field = ".".join(place) or "file"
    known = sections()
    if not place:
        return FieldError(field=field, message="must be a JSON object")
    if place[0] not in known:
        return FieldError(field=field, message=f"is not known here; accepted: {', '.join(known)}")
    names = known[place[0]].model_fields
    if len(place) == 1:
        return FieldError(field=field, message=f"must be an object with any of: {', '.join(names)}")
    if place[1] not in names:
        return FieldError(field=field, message=f"is not known here; accepted: {', '.join(names)}")
    told = accepted(names[place[1]])
    # Of an item of a list it is said what the list may be.
    whole = "" if len(place) == 2 else f"{place[0]}.{place[1]} "
    return FieldError(field=field, message=f"{whole}must be {told}")
