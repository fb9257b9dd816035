"""Filters that turn the reports' numbers and words into what people read. They compute nothing new.

A missing number is always shown as a dash, never as zero. Fixed words are spelled out once, here
or in `enrichment.words`; a word without a spelling is shown as it is.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf.locale import LANG_INFO

from enrichment.errors import (
    CallAborted,
    CircuitOpen,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InvalidReply,
    ModelCannotSee,
    ModelMissing,
    QuestionRefused,
)
from enrichment.models import Job
from enrichment.models.jobs import Priority
from enrichment.reports import StageReport
from enrichment.stages.answers import Outcome
from enrichment.timeline import Progress
from enrichment.words import CACHE_WORDS, STATUS_WORDS

register = template.Library()

NONE = "–"

STEP_WORDS: Mapping[str, str] = {
    "sent": "Sent",
    "picture": "Picture",
    "stage1": "Feeling",
    "stage2": "Words",
}
PROGRESS_WORDS: Mapping[str, str] = {
    Progress.WAITING: "waiting",
    Progress.RUNNING: "running",
    Progress.DONE: "done",
    Progress.MISSING: "not done",
}
# What no model made; of all else the cache's part is told.
OUTCOME_WORDS: Mapping[str, str] = {
    Outcome.FALLBACK: "without a model",
    Outcome.CURATED: "written by a person",
    Outcome.SAFETY: "written by a person",
}
REASON_WORDS: Mapping[str, str] = {
    HostUnreachable.__name__: "no model answered (its host is out of reach)",
    HostBrokeOff.__name__: "no model answered (its host broke off or took too long)",
    HostBusy.__name__: "no model answered (its host was busy)",
    HostFailed.__name__: "no model answered (its host reported an error)",
    CircuitOpen.__name__: "no model answered (its host failed too often of late to be asked)",
    QuestionRefused.__name__: "no model answered (its host refused the question)",
    ModelMissing.__name__: "no model answered (its host has no such model)",
    ModelCannotSee.__name__: "the model cannot see images",
    InvalidReply.__name__: "what the model answered could not be used",
}
KIND_WORDS: Mapping[str, str] = {
    Job.Purpose.SUBMITTED: "reflection",
    Job.Purpose.AGAIN: "better answers",
    Job.Purpose.VARIANTS: "texts ahead",
    Job.Purpose.COMPARE: "comparison",
}
PRIORITY_WORDS: Mapping[int, str] = {
    Priority.INTERACTIVE: "somebody waits",
    Priority.BULK: "bulk",
    Priority.BACKGROUND: "background",
}
SOURCE_WORDS: Mapping[str, str] = {"default": "the default", "file": "the tuning file"}
PART_WORDS: Mapping[str, str] = {
    "queue": "Waiting for the host",
    "load": "Loading the model",
    "prompt": "Reading the prompt",
    "generation": "Writing the answer",
}
# What Django has no name for.
LANGUAGE_NAMES: Mapping[str, str] = {
    "hi-Latn": "Hindi in Latin letters",
    "tl": "Tagalog",
    "und": "no language that could be told",
    "zh": "Chinese",
    "zxx": "no words",
}
REGION_NAMES: Mapping[str, str] = {
    "AU": "Australia",
    "BR": "Brazil",
    "CA": "Canada",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IN": "India",
    "IT": "Italy",
    "NZ": "New Zealand",
    "US": "United States",
}


@register.filter
def seconds(value: float | None) -> str:
    """Spell out a duration in seconds by its two largest units: "2.3 s", "4 min 12 s"."""
    if value is None:
        return NONE
    return milliseconds(value * 1000) if value else "0 s"


@register.filter
def milliseconds(value: float | None) -> str:
    """Spell out a duration in milliseconds: "0.4 ms", "2.3 s", "4 min 12 s"."""
    if value is None:
        return NONE
    # Each unit ends where its rounding would say what the next one says better.
    if 0 < value < 0.05:
        return "< 0.1 ms"
    if value < 999.5:
        return f"{_short(value)} ms"
    if value < 59_500:
        return f"{_short(value / 1000)} s"
    return _from_a_minute(round(value / 1000))


def _from_a_minute(whole_seconds: int) -> str:
    minutes, rest = divmod(whole_seconds, 60)
    if minutes < 60:
        return _pair(minutes, "min", rest, "s")
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _pair(hours, "h", minutes, "min")
    days, hours = divmod(hours, 24)
    return _pair(days, "d", hours, "h")


def _short(value: float) -> str:
    """Keep one decimal where it tells something."""
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


@register.filter
def size(value: int | None) -> str:
    """Spell out a number of bytes in decimal units: "812 B", "2.2 kB"."""
    if value is None:
        return NONE
    if value < 1000:
        return f"{value} B"
    scaled = float(value)
    for unit in ("kB", "MB", "GB"):
        scaled /= 1000
        if scaled < 999.5:
            return f"{_short(scaled)} {unit}"
    return f"{_short(scaled / 1000)} TB"


@register.filter
def percent(value: float | None) -> str:
    """Spell out a share of 1; only none and all are called 0% and 100%."""
    if value is None:
        return NONE
    if 0 < value < 0.01:
        return "< 1%"
    if 0.99 < value < 1:
        return "> 99%"
    return f"{math.floor(value * 100 + 0.5)}%"


@register.filter
def count(value: int | None) -> str:
    """Write a whole number with its thousands apart."""
    return NONE if value is None else f"{value:,}"


@register.filter
def rate(value: float | None) -> str:
    """Write how many there are in a second: "24 a second", "3.4 a second"."""
    return NONE if value is None else f"{_short(value)} a second"


@register.filter
def share(value: float | None) -> str:
    """Write a value of a scale from 0 to 1 with two decimals."""
    return NONE if value is None else f"{value:.2f}"


@register.filter
def signed(value: float | None) -> str:
    """Write a difference with its sign and two decimals: "+0.12", "−0.30"."""
    return NONE if value is None else f"{value:+z.2f}".replace("-", "−")


@register.filter
def words(value: str) -> str:
    """Write a label of a closed list as words: "self_acceptance" is "self acceptance"."""
    return value.replace("_", " ")


@register.filter
def status_words(value: str) -> str:
    """Say how far a job is."""
    return STATUS_WORDS.get(value, words(value))


@register.filter
def step_words(value: str) -> str:
    """Name a step of a reflection."""
    return STEP_WORDS.get(value, words(value))


@register.filter
def progress_words(value: str) -> str:
    """Say how far a step is."""
    return PROGRESS_WORDS.get(value, words(value))


@register.filter
def source_words(stage: StageReport) -> str:
    """Say where a stage's answer came from, in a few words."""
    return OUTCOME_WORDS.get(stage.outcome) or CACHE_WORDS.get(stage.cache, words(stage.cache))


@register.filter
def reason_words(value: str) -> str:
    """Say why there is a fallback, from the kind of error."""
    return REASON_WORDS.get(value, f"no model answered ({value})" if value else "no model answered")


@register.filter
def call_words(value: str) -> str:
    """Say why a call to a model has no answer, from the kind of error."""
    if value == CallAborted.__name__:
        return "broken off (its job was cancelled, lost or had to make way)"
    return reason_words(value)


@register.filter
def job_error_words(value: str) -> str:
    """Say what last went wrong with a job, from the kind of error."""
    unknown = f"an unexpected fault ({value}); the worker's log tells more"
    return REASON_WORDS.get(value, unknown) if value else "nothing"


@register.filter
def kind_words(value: str) -> str:
    """Say what a job is for."""
    return KIND_WORDS.get(value, words(value))


@register.filter
def priority_words(value: int) -> str:
    """Say how urgent a job is."""
    return PRIORITY_WORDS.get(value, str(value))


@register.filter
def knob_value(value: Any) -> str:
    """Write a tuned value; none is what the host or the machine decides."""
    return "the host's own" if value is None else f"{value:,}"


@register.filter
def times(value: float | None) -> str:
    """Write how many times as fast something is."""
    return NONE if value is None else f"{value:.2f} ×"


@register.filter
def config_value(value: Any) -> str:
    """Write a value of the configuration as JSON has it; none is what is worked out."""
    if value is None or value == "":
        return "worked out"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def value_source(value: str) -> str:
    """Say where a value in force comes from."""
    return SOURCE_WORDS.get(value, value)


@register.filter
def quantity(value: Any, unit: str) -> str:
    """Write a number of seconds or bytes in larger units where that is easier to read."""
    if not isinstance(value, int | float):
        return ""
    if unit == "seconds" and value >= 60:
        return seconds(value)
    if unit == "bytes":
        return size(round(value))
    return ""


@register.filter
def part_words(value: str) -> str:
    """Say what one part of a call to a model is spent on."""
    return PART_WORDS.get(value, words(value))


@register.filter
def region_name(value: str) -> str:
    """Name the country of an ISO 3166-1 code."""
    return REGION_NAMES.get(value, value)


@register.filter
def language_name(code: str) -> str:
    """Name the language of an ISO 639 code."""
    name = LANGUAGE_NAMES.get(code) or LANG_INFO.get(code, {}).get("name", code)
    return str(name)


@register.filter
def of(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """Return a mapping's value by a key that is itself a variable; None without one."""
    return None if mapping is None else mapping.get(key)
