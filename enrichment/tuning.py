"""Tunes how the model in use is asked: measures, keeps the evidence, saves a revision.

Measuring asks through a client of its own, so that it counts in no report and no failure of it
keeps people from the host. It knows the values in force and the site's own questions.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from cachestats.config import Config, current
from cachestats.errors import RevisionSuperseded
from cachestats.services import REASON_CHARACTERS, change_config, undo_revision
from enrichment import hosts, jobs
from enrichment.errors import EnrichmentError, InferenceError
from enrichment.inference import cores, tuning
from enrichment.inference.bench import Bench, Setting, Workload
from enrichment.inference.cores import Cores
from enrichment.inference.messages import ModelIdentity
from enrichment.inference.ollama import OllamaClient
from enrichment.inference.tuning import Finding, Progress, Verdict
from enrichment.models import TuningRun
from enrichment.stages.post_enricher import EMBEDDED, WRITTEN_IN
from enrichment.stages.prompts import FeelingQuestion, Method, WritingQuestion
from enrichment.stages.tuning_questions import make_workload
from enrichment.submission import MAX_CHARACTERS
from enrichment.tuned_stages import weights_of

# The tuning file's name of a setting, where it is another than Ollama's.
KEYS = {"num_thread": "num_threads"}
# Part of the keys of what is cached.
IN_KEYS = {"num_ctx", "num_predict_short", "num_predict_long"}
# What the embedded model takes no notice of: a difference would be noise.
NOT_EMBEDDED = dict.fromkeys(("num_batch", "num_ctx"), "the embedded model has no such option")


class CantTune(EnrichmentError):
    """No model answers; the message says why."""


class ChangedMeanwhile(EnrichmentError):
    """The configuration is not the one that was measured against."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What came of a run. ended: complete or interrupted."""

    host: str
    who: ModelIdentity
    setting: Setting
    budget_seconds: int
    elapsed_seconds: float
    ended: str
    cores: Cores | None
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def better(self) -> tuple[Finding, ...]:
        """What was shown to be better, and is ours to set."""
        return tuple(found for found in self.findings if found.verdict == Verdict.BETTER)

    @property
    def changes(self) -> dict[str, dict[str, Any]]:
        """The tuning that has it in force; empty where nothing is better."""
        values = {KEYS.get(found.knob, found.knob): found.value for found in self.better}
        return {"inference": values} if values else {}

    @property
    def recomputes(self) -> bool:
        """Whether the changes make misses of the answers that are cached."""
        return any(found.knob in IN_KEYS for found in self.better)

    def as_json(self) -> dict[str, Any]:
        """Return the evidence."""
        return {
            "host": self.host,
            "engine": self.who.engine,
            "model": self.who.name,
            "digest": self.who.digest,
            "budget_seconds": self.budget_seconds,
            "elapsed_seconds": round(self.elapsed_seconds, 1),
            "ended": self.ended,
            "cores": {**asdict(self.cores), "usable": self.cores.usable} if self.cores else None,
            "in_force": asdict(self.setting),
            "warnings": list(self.warnings),
            "findings": [asdict(found) for found in self.findings],
            "changes": self.changes,
        }


@dataclass
class _Seen:
    """What is known while a run goes on."""

    findings: list[Finding] = field(default_factory=list)
    ended: str = "complete"


def measure(
    budget_seconds: int,
    *,
    progress: Progress = lambda _doing: None,
    found: Callable[[Finding], None] = lambda _finding: None,
    warn: Callable[[str], None] = lambda _warning: None,
) -> Tuning:
    """Measure the model in use; changes nothing. Ctrl-C ends it with what is known so far.

    Args:
        budget_seconds: how long it may take; a call that has begun then is still waited for.
        progress, found, warn: are told what is measured, what came of each setting, and what
            makes the measuring less sure.

    Raises:
        CantTune: no model answers.
    """
    started = time.perf_counter()
    config = current().config
    with _answering(config, budget_seconds) as (client, who):
        here = _is_local(client.base_url)
        setting = setting_of(config)
        machine = cores.detect() if here else None
        warnings = _warnings(machine, client.base_url)
        for warning in warnings:
            warn(warning)
        bench = Bench(
            client, workload(config, who), clock=time.perf_counter, seconds=budget_seconds
        )
        seen = _Seen()
        run = tuning.tune(
            bench,
            setting,
            threads=cores.thread_candidates(machine)
            if machine
            else cores.blind_candidates(setting.num_thread),
            parallel=[n for n in tuning.PARALLEL if n <= _most_at_once(config)],
            fixed=NOT_EMBEDDED if who.engine == EMBEDDED else {},
            progress=progress,
        )
        try:
            for finding in run:
                seen.findings.append(finding)
                found(finding)
        except KeyboardInterrupt:
            seen.ended = "interrupted"
        except InferenceError as exc:
            raise CantTune(f"No model answers as it should: {exc}") from exc
        if bench.reloads:
            warnings.append(
                f"The host loaded the model again within {bench.reloads} calls: somebody else asks"
                " it with other options."
            )
            warn(warnings[-1])
        # The host has it loaded for the last candidate; the next reflection shall not wait.
        with suppress(InferenceError, KeyboardInterrupt):
            client.preload()
    return Tuning(
        host=client.base_url,
        who=who,
        setting=setting,
        budget_seconds=budget_seconds,
        elapsed_seconds=time.perf_counter() - started,
        ended=seen.ended,
        cores=machine,
        warnings=tuple(warnings),
        findings=tuple(seen.findings),
    )


def apply(tuned: Tuning) -> int:
    """Put what was shown to be better in force; return the revision.

    Raises:
        ChangedMeanwhile: what was measured against is not in force any more.
        InvalidConfig: it breaks the schema.
    """
    return _put_in_force(tuned.setting, tuned.changes, None, reason(tuned))


def apply_run(run: TuningRun, author: User, why: str = "") -> int:
    """Put what a kept run showed to be better in force; return the revision.

    Args:
        why: what the author has to say, for who reads the history.

    Raises:
        ChangedMeanwhile: what it measured against is not in force any more, or it was applied.
        InvalidConfig: it breaks the schema.
    """
    with transaction.atomic():
        run = TuningRun.objects.select_for_update().get(pk=run.pk)
        if run.revision is not None:
            raise ChangedMeanwhile(f"it was put in force already, as revision {run.revision}")
        measured_against = Setting(**run.evidence["in_force"])
        said = _told(f"Tuning run {run.pk}", why)
        run.revision = _put_in_force(measured_against, run.changes, author, said)
        run.save(update_fields=["revision"])
    return run.revision


def take_back(run: TuningRun, author: User, why: str = "") -> int:
    """Put in force again what was before a run was applied; return the revision.

    Raises:
        ChangedMeanwhile: it is not in force, or its values were changed since.
        InvalidConfig: what was before breaks today's schema.
    """
    with transaction.atomic():
        run = TuningRun.objects.select_for_update().get(pk=run.pk)
        if run.revision is None:
            raise ChangedMeanwhile("it is not in force")
        try:
            said = _told(f"Takes back tuning run {run.pk}", why)
            number = undo_revision(run.revision, author, said).number
        except RevisionSuperseded as exc:
            raise ChangedMeanwhile(str(exc)) from exc
        run.revision = None
        run.save(update_fields=["revision"])
    return number


def _put_in_force(
    measured_against: Setting,
    changes: Mapping[str, Mapping[str, Any]],
    author: User | None,
    why: str,
) -> int:
    if setting_of(current().config) != measured_against:
        raise ChangedMeanwhile("the configuration was changed since it was measured against")
    return change_config(changes, author, why).number


def _told(what: str, why: str) -> str:
    return (f"{what}: {why}" if why else what)[:REASON_CHARACTERS]


def reason(tuned: Tuning) -> str:
    """Return what changed and why, in as many characters as a revision keeps."""
    parts = []
    for found in tuned.better:
        change = f"{found.knob} {_shown(found.now)} → {found.value}"
        if gain := found.speed_up:
            change += f", {gain.value:.2f} x ({gain.low:.2f} to {gain.high:.2f})"
        else:
            change += f", {found.why}"
        parts.append(change)
    whole = f"tune_ollama: {'; '.join(parts)}"
    return whole if len(whole) <= REASON_CHARACTERS else whole[: REASON_CHARACTERS - 1] + "…"


def keep(tuned: Tuning, revision: int | None) -> TuningRun:
    """Keep a run's evidence.

    Args:
        revision: what it was put in force as; None: it was not.
    """
    return TuningRun.objects.create(
        host=tuned.host,
        model=tuned.who.name,
        digest=tuned.who.digest,
        budget_seconds=tuned.budget_seconds,
        evidence=tuned.as_json(),
        revision=revision,
    )


def setting_of(config: Config) -> Setting:
    """Return the settings that a configuration has in force here."""
    how, inference = hosts.client_settings(config), config.inference
    return Setting(
        num_thread=how.num_thread,
        num_ctx=how.num_ctx,
        num_batch=how.num_batch,
        num_predict_short=inference.num_predict_short,
        num_predict_long=inference.num_predict_long,
    )


def workload(config: Config, who: ModelIdentity) -> Workload:
    """Return the site's questions as a configuration has them asked."""
    inference = config.inference
    feeling = FeelingQuestion(
        text="",
        language="en",
        scope="tuning",
        model=who,
        num_ctx=inference.num_ctx,
        num_predict=inference.num_predict_short,
        method=Method(config.scoring.method),
        weights=weights_of(config),
    )
    writing = WritingQuestion(
        primary="",
        secondary=None,
        tertiary=None,
        invoked=(),
        language=WRITTEN_IN,
        variant=0,
        model=who,
        num_ctx=inference.num_ctx,
        num_predict=inference.num_predict_long,
        temperature=inference.temperature,
        led=who.engine == EMBEDDED,
    )
    return make_workload(feeling, writing, longest=MAX_CHARACTERS)


@contextmanager
def _answering(config: Config, budget_seconds: int) -> Iterator[tuple[OllamaClient, ModelIdentity]]:
    """Have a client of the first host that answers, and who answers there.

    Nobody counts what it asks, and it waits for no call longer than the budget.

    Raises:
        CantTune: no host does.
    """
    how = hosts.client_settings(config)
    how = replace(how, timeout_read=min(how.timeout_read, budget_seconds))
    troubles = []
    for url in hosts.find_hosts():
        with OllamaClient(url, how, model=settings.OLLAMA_MODEL) as client:
            try:
                who = client.identity()
            except InferenceError as exc:
                troubles.append(str(exc))
                continue
            yield client, who
            return
    raise CantTune(f"No model answers: {'; '.join(troubles)}")


def _most_at_once(config: Config) -> int:
    return hosts.client_settings(config).max_connections


def _is_local(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    return name in {"localhost", "::1"} or name.startswith("127.")


def _warnings(machine: Cores | None, url: str) -> list[str]:
    found = []
    if len(hosts.find_hosts()) > 1:
        found.append(f"Of several hosts {url} alone is measured; what is saved holds for all.")
    if jobs.people_wait():
        found.append("Reflections wait or are worked on: they share the model with the measuring.")
    if machine is None:
        found.append("The model runs on another machine, whose cores and load are not known here.")
    elif (load := psutil.getloadavg()[0]) > machine.usable:
        found.append(
            f"This machine is busy: load {load:.1f} on {machine.usable} cores; measure when it is"
            " quiet."
        )
    return found


def _shown(value: int | None) -> str:
    return "the host's" if value is None else str(value)
