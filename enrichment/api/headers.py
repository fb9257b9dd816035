"""The headers of reflections: who may keep them, when to come again, and how the cache took part.

The last are Cache-Status (RFC 9211), X-Cache and Age.
"""

from enrichment.reports import ReflectionReport, StageReport
from enrichment.stages.answers import Outcome

# No cache between here and the reader keeps what somebody wrote, nor does a browser, where
# it would outlive its deletion. Who asks on condition of a tag keeps both themselves.
PRIVATE = {"Cache-Control": "private, no-store"}
# Both stages take seconds on a CPU; asking more often gains nothing.
POLL = {"Retry-After": "2"}
NAMES = {1: "stage1", 2: "stage2"}


def cache_headers(report: ReflectionReport) -> dict[str, str]:
    """Return the headers for a reflection's answer; none before its first stage is there."""
    stages = {1: report.stage1, 2: report.stage2}
    present = {number: stage for number, stage in stages.items() if stage is not None}
    looked_up = {number: stage for number, stage in present.items() if stage.key}
    if not present:
        return {}
    headers = {"X-Cache": _summary(report, list(present.values()))}
    if looked_up:
        headers["Cache-Status"] = ", ".join(
            _status(NAMES[number], stage) for number, stage in looked_up.items()
        )
        headers["Age"] = str(max(stage.age_seconds for stage in looked_up.values()))
    return headers


def _summary(report: ReflectionReport, present: list[StageReport]) -> str:
    """Return HIT when nothing had to be inferred, else what the least lucky look-up was."""
    # For a fallback the model was asked, in vain; for a person's other texts nobody was.
    asked = [stage for stage in present if stage.key or stage.outcome == Outcome.FALLBACK]
    states = {stage.cache for stage in asked}
    if report.image and report.image.cache:
        states.add(report.image.cache)
    if report.finished and states == {"hit"}:
        return "HIT"
    if "miss" in states:
        return "MISS"
    if "collapsed" in states:
        return "COLLAPSED"
    return "MISS" if states == {"hit"} else "BYPASS"


def _status(name: str, stage: StageReport) -> str:
    key = f'key="{name}:{stage.key[:8]}"'
    if stage.cache == "hit":
        return f"perfsite; hit; ttl={stage.ttl_seconds}; {key}"
    parts = ["perfsite", f"fwd={stage.forward}"]
    if stage.cache == "collapsed":
        parts.append("collapsed")
    if stage.stored:
        parts.append("stored")
    return "; ".join([*parts, key])
