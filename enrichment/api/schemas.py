"""What requests and answers about reflections look like, for the API's description alone.

What is accepted is decided in `enrichment.submission` and `enrichment.api.selections`, what is
answered in `enrichment.reports`.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from cachestats.cache import CacheState
from enrichment.api.selections import MAX_IDS
from enrichment.images import MAX_BYTES
from enrichment.jobs import RETRYABLE
from enrichment.models import Status
from enrichment.models.jobs import UNFINISHED
from enrichment.reports import ImageReport
from enrichment.stages.analytics import Context
from enrichment.stages.answers import Outcome
from enrichment.stages.help_lines import HelpLine
from enrichment.stages.post_enricher import Style
from enrichment.submission import LANGUAGE, MAX_CHARACTERS, OWNER, PRIORITIES, zones

TEXT = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
# A year from 1970 to 2199, a day that its month has, and an offset.
INSTANT = (
    r"^(19[7-9]\d|2[01]\d\d)-"
    r"((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)$"
)


class Submission(BaseModel):
    """A reflection to be enriched. A field that is null is as one that is not there."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MAX_CHARACTERS, pattern=TEXT, description="What somebody wrote.")
    owner: Annotated[str, Field(pattern=rf"^({OWNER.pattern})?$")] | None = Field(
        None, description="Who wrote it, by your own names; a bound token has its own."
    )
    timestamp: Annotated[str, Field(pattern=INSTANT)] | None = Field(
        None, description="When it was written: ISO 8601 with an offset; now if it is left out."
    )
    timezone: Annotated[str, Field(json_schema_extra={"enum": sorted(zones())})] | None = Field(
        None, description="Where: an IANA name; UTC if it is left out."
    )
    language: Annotated[str, Field(pattern=rf"^{LANGUAGE.pattern}$")] | None = Field(
        None, description="A language code; en if it is left out."
    )
    priority: Annotated[str, Field(json_schema_extra={"enum": list(PRIORITIES)})] | None = Field(
        None, description="bulk goes behind all that somebody waits for."
    )


class Share(BaseModel):
    """How sure, 0 to 1."""

    detected: str
    confidence: float


class WheelPath(BaseModel):
    """A feeling's place on the wheel, as deep as the text supports."""

    primary: str
    secondary: str | None
    tertiary: str | None


class FeelingResult(BaseModel):
    """Stage 1's answer: what is cached. Scales are 0 to 1."""

    wheel: WheelPath | None
    undetermined: bool
    invoked: list[str]
    expressed: list[str]
    valence: float
    arousal: float
    confidence: float
    events: list[str]
    congruence: float
    language: Share
    warnings: list[str]
    provenance: dict[str, Any]


class WritingResult(BaseModel):
    """Stage 2's answer: what is cached."""

    poem: list[str]
    tips: list[str]
    closing_line: str
    provenance: dict[str, Any]


class Stage(BaseModel):
    """How an answer came about; durations in milliseconds."""

    outcome: Outcome
    cache: CacheState
    age_seconds: int
    key: str = Field(description="The first 8 digits of the cache entry's.")
    engine: str
    model: str
    duration_ms: float
    reason: str = Field(description="Why there is a fallback: the error's kind.")


class FeelingStage(Stage):
    """Stage 1; what stands beside `result` is computed on reading."""

    result: FeelingResult
    context: Context | None = None
    remarks: list[str] = []


class Variant(BaseModel):
    """Which of how many texts for a feeling it is, counted from 1."""

    number: int
    of: int


class WritingStage(Stage):
    """Stage 2; what stands beside `result` is computed on reading."""

    result: WritingResult
    style: Style | None = None
    tags: list[str] = []
    variant: Variant | None = None
    help_lines: list[HelpLine] = Field([], description="For who may be in danger.")


class Risk(BaseModel):
    """What the check for signs of danger found in the submission itself."""

    flagged: bool
    signals: list[str]


class Reflection(BaseModel):
    """A reflection and how far it is; each stage stands there as soon as it is done."""

    id: UUID
    status: Status
    text: str
    owner: str
    timestamp: datetime
    timezone: str
    created_at: datetime
    risk: Risk
    enrich_again: bool = Field(description="A model was out of reach; it is asked again.")
    image: ImageReport | None
    stage1: FeelingStage | None
    stage2: WritingStage | None


class ListedReflection(Reflection):
    """A reflection as lists have it: without the context beside Stage 1."""


class ReflectionPage(BaseModel):
    """Some of the reflections, and where the others are."""

    next: str | None = Field(description="Where the list goes on, relative to this address.")
    previous: str | None = Field(description="The same for what comes before.")
    results: list[ListedReflection]


Ended = Annotated[str, Field(json_schema_extra={"enum": [*RETRYABLE]})]
Unended = Annotated[str, Field(json_schema_extra={"enum": [*UNFINISHED]})]


def _one_of_two() -> dict[str, Any]:
    """Return the constraint of a body that names reflections in one of two ways."""
    return {
        "oneOf": [
            {"required": [name], "properties": {name: {"type": "array"}}}
            for name in ("ids", "status")
        ]
    }


class RetryMany(BaseModel):
    """Reflections by their ids, or all of some statuses: one of the two."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_of_two())

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = None
    status: Annotated[list[Ended], Field(min_length=1)] | None = None


class CancelMany(BaseModel):
    """Reflections by their ids, or all of some statuses: one of the two."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_of_two())

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = None
    status: Annotated[list[Unended], Field(min_length=1)] | None = None


class Retried(BaseModel):
    """How many reflections were meant, and how many jobs were queued again."""

    matched: int
    queued: int


class Cancelled(BaseModel):
    """How many reflections were meant, and how many jobs were ended."""

    matched: int
    cancelled: int


# The files that are read, whatever they are called; what else is sent as an image is refused.
FORM_ENCODING = {"image": {"contentType": "image/jpeg, image/png, image/webp"}}


def form() -> dict[str, Any]:
    """Return the schema of a submission as a form, which may have an image."""
    fields = Submission.model_json_schema()["properties"]
    parts = {name: schema["anyOf"][0] for name, schema in fields.items() if "anyOf" in schema}
    image = {
        "type": "string",
        "format": "binary",
        "description": f"One JPEG, PNG or WebP of at most {MAX_BYTES} bytes.",
    }
    # Blank is as good as none where the image is to become the text.
    text = {**fields["text"], "pattern": r"^[^\u0000]*$"}
    return {
        "type": "object",
        "properties": {"text": text, "image": image, **parts},
        "anyOf": [
            {"required": ["text"], "properties": {"text": {"pattern": TEXT}}},
            {"required": ["image"]},
        ],
        "additionalProperties": False,
    }
