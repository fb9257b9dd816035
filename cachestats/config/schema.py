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

from cachestats.errors import FieldError, InvalidConfig
from cachestats.keys import CACHE_TYPE

MAX_TTL = 10 * 365 * 86400
Seconds = Annotated[int, Field(ge=0, le=MAX_TTL)]
Weight = Annotated[float, Field(ge=0, le=10)]
Lean = Annotated[float, Field(ge=-10, le=10)]
CacheType = Annotated[str, Field(pattern=f"^{CACHE_TYPE.pattern}$")]
SWITCH = "caching.enabled"


class Section(BaseModel):
    """One section; values are of their exact type, and unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Inference(Section):
    """How the model is asked."""

    num_threads: int | None = Field(None, ge=1, le=512)  # None: the physical cores
    num_batch: int | None = Field(None, ge=1, le=8192)  # tokens; None: the host's own
    num_ctx: int = Field(4096, ge=512, le=131072)  # tokens; a change reloads the model
    num_predict_short: int = Field(120, ge=1, le=4096)  # tokens, Stage 1
    num_predict_long: int = Field(160, ge=1, le=4096)  # tokens, Stage 2
    temperature: float = Field(0.3, ge=0, le=2)
    variants: int = Field(3, ge=1, le=10)  # of Stage 2's text for one feeling
    keep_alive: str = Field("30m", pattern=r"^(-?\d+|\d+(ms|s|m|h))$")


class Scoring(Section):
    """How Stage 1 puts its signals together.

    The numbers are of SmolLM2-135M by likelihood, fitted on labelled diary texts (docs/quality.md);
    `evaluate --fit --apply` fits them to another model.
    """

    method: Literal["likelihood", "schema"] = "likelihood"  # how the model is asked for a feeling
    model_weight: Weight = 0.855
    lexicon_weight: Weight = 1.366
    polarity_weight: Weight = 0.588  # of the model's verdict on pleasant or unpleasant
    # Added to a primary's score: above 0 for one that is named too seldom.
    lean_sad: Lean = 0.11
    lean_mad: Lean = 0.918
    lean_scared: Lean = 0.52
    lean_joyful: Lean = -1.353
    lean_powerful: Lean = -0.81
    lean_peaceful: Lean = 0.617
    confidence_slope: Weight = 0.791
    confidence_offset: Lean = 0.679


class Caching(Section):
    """What is kept, for how long and how much of it."""

    enabled: bool = True
    default_ttl: Seconds = 30 * 86400
    ttl_api: Seconds = 86400
    ttl_by_type: dict[CacheType, Seconds] = {}
    max_bytes: int = Field(1024**3, ge=1024**2)

    def ttl(self, cache_type: str) -> int:
        """Return how many seconds an entry of this type lives by default; 0: it is not stored."""
        usual = self.ttl_api if cache_type == "api" else self.default_ttl
        return self.ttl_by_type.get(cache_type, usual)


class Networking(Section):
    """How hosts are spoken to."""

    max_concurrent_requests: int = Field(16, ge=1, le=1024)
    per_host_limit: int = Field(6, ge=1, le=1024)
    timeout_connect: float = Field(10, gt=0, le=600)  # seconds
    timeout_read: float = Field(180, gt=0, le=3600)  # seconds
    retry_attempts: int = Field(3, ge=0, le=10)  # after the first
    retry_backoff_ms: tuple[Annotated[int, Field(ge=0, le=60000)], ...] = (100, 300, 900)


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


def _field_error(error: Any) -> FieldError:
    field = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] == "extra_forbidden":
        parent = error["loc"][:-1]
        section = Config.model_fields[parent[0]].annotation if parent else Config
        names = ", ".join(section.model_fields) if section else ""
        return FieldError(field=field, message=f"is not known here; accepted: {names}")
    return FieldError(field=field, message=str(error["msg"]))
