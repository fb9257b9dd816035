"""Hosts, their models, their speed over time and what tuning measured, as people look at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils import timezone

from cachestats.pictures import PARTS, Axis, Picture, Series, Unit
from cachestats.spans import Range
from enrichment import hosts
from enrichment.breaker import PROBE_EVERY
from enrichment.call_trends import call_trend
from enrichment.host_looks import HostLook, look_at
from enrichment.inference.messages import HeldModel
from enrichment.models import HostState, InferenceCall, TuningRun
from enrichment.tuning import KEYS

# Among so many of the newest calls it is looked for when a host last answered one.
NEWEST_CALLS = 2_000
RUNS = 10
OLLAMA_NAMES = {key: name for name, key in KEYS.items()}


@dataclass(frozen=True, kw_only=True)
class HostReport:
    """One host. state: answers, trouble or unknown.

    trouble: in plain words; empty where it answers. last_seen: when it last answered a look, or a
    question of late. questions: that this machine has there now; None where they are not counted.
    """

    url: str
    state: str
    version: str
    trouble: str
    failures: int
    last_error: str
    given_up_at: datetime | None
    tried_every_seconds: int
    last_seen: datetime | None
    questions: int | None
    installed: tuple[HeldModel, ...]
    loaded: tuple[HeldModel, ...]


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What one tuning run measured. changes: by the tuning file's names, what was better.

    before: by the same names, what was in force when it was measured; None is the host's own.
    revision: what it was put in force as; None: it was not.
    """

    id: int
    at: datetime
    host: str
    model: str
    budget_seconds: int
    ended: str
    findings: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]
    changes: Mapping[str, Any]
    before: Mapping[str, Any]
    revision: int | None

    @property
    def can_apply(self) -> bool:
        """Whether it was measured to the end, is better, and was not put in force yet."""
        return bool(self.changes) and self.ended == "complete" and self.revision is None


def host_reports() -> list[HostReport]:
    """Return the hosts in use, as they are known; waits for none that is away."""
    urls = hosts.find_hosts()
    states = HostState.objects.in_bulk(urls)
    newest = InferenceCall.objects.order_by("-at").values("pk")[:NEWEST_CALLS]
    answered = dict(
        InferenceCall.objects.filter(pk__in=newest, error="")
        .order_by()
        .values_list("host")
        .annotate(Max("at"))
    )
    return [_host(look, states.get(look.url), answered.get(look.url)) for look in look_at(urls)]


def speed_picture(span: Range) -> Picture:
    """Return how many tokens a second each host wrote, over a range that ends now."""
    trend = call_trend(span, timezone.now())
    speed = trend.overall.generated_tokens_per_second
    shown = list(trend.by_host.items())[: len(PARTS)]
    return Picture(
        name="tokens",
        title="No model wrote" if speed is None else f"Models write {speed:.3g} tokens a second",
        note=f"Generated tokens a second of each host, last {span.title}. Higher is better.",
        across=Axis(label="Time", unit=Unit.TIME),
        up=Axis(label="Tokens", unit=Unit.PER_SECOND),
        places=[at.timestamp() for at in trend.grid.starts],
        series=[
            Series(label=url.partition("//")[2], values=values, meaning=meaning)
            for (url, values), meaning in zip(shown, PARTS, strict=False)
        ],
        empty=""
        if speed is not None
        else "No model was asked in this range; what the cache answers asks none. Choose a longer"
        " one, or write a reflection.",
    )


def run_reports() -> list[RunReport]:
    """Return the newest tuning runs."""
    return [run_report(run) for run in TuningRun.objects.order_by("-at")[:RUNS]]


def run_report(run: TuningRun) -> RunReport:
    """Return what a run measured."""
    evidence = run.evidence
    in_force = evidence.get("in_force", {})
    changes = run.changes.get("inference", {})
    return RunReport(
        id=run.pk,
        at=run.at,
        host=run.host,
        model=run.model,
        budget_seconds=run.budget_seconds,
        ended=evidence.get("ended", ""),
        findings=evidence.get("findings", []),
        warnings=evidence.get("warnings", []),
        changes=changes,
        before={name: in_force.get(OLLAMA_NAMES.get(name, name)) for name in changes},
        revision=run.revision,
    )


def _host(look: HostLook, state: HostState | None, answered: datetime | None) -> HostReport:
    given_up = state.opened_at if state else None
    trouble = look.trouble
    if given_up and not trouble:
        trouble = "it answers, but questions failed; the next one that is answered ends this"
    seen = [at for at in (look.at, answered) if at]
    well = "answers" if look.looked else "unknown"
    return HostReport(
        url=look.url,
        state="trouble" if trouble else well,
        version=look.version,
        trouble=trouble,
        failures=state.failures if state else 0,
        last_error=state.last_error if state else "",
        given_up_at=given_up,
        tried_every_seconds=PROBE_EVERY.seconds,
        last_seen=max(seen, default=None),
        questions=hosts.outstanding(look.url),
        installed=look.installed,
        loaded=look.loaded,
    )
