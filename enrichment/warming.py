"""Warming the cache: a plan's answers are computed before anybody asks, while nobody waits.

Each goes through `get_or_compute` as all others do, and counts as a miss. What is live already is
peeked at and not counted. A run can be broken off anywhere: what is stored is whole.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import inf

from django.db import IntegrityError, close_old_connections, connections
from django.utils import timezone

from cachestats.cache import CacheState, get_cache
from cachestats.config import current
from enrichment import hosts, jobs, warm_ups
from enrichment.errors import CallAborted, EnrichmentError
from enrichment.forgetting import drop_entries
from enrichment.models import WarmUp, WarmUpEntry
from enrichment.records import as_stage1
from enrichment.stages.answers import Outcome, StageAnswer, from_cache
from enrichment.tuned_stages import make_enricher, make_scorer
from enrichment.warm_ups import LOST_LIMIT
from enrichment.warming_plans import (
    NoModel,
    Plan,
    Wanted,
    WantedFeeling,
    WantedWriting,
    known_identity,
    plan_lost,
)

logger = logging.getLogger(__name__)

Ended = WarmUp.Ended
# Somebody who waits is seen within this time, also in the middle of an inference.
WATCH_SECONDS = 0.5
RENEW_SECONDS = 5.0
# A worker is lent for so long; its queue ends what lasts for 2,500 s.
LONGEST_SECONDS = 1_800.0


class NothingKept(EnrichmentError):
    """The cache is switched off."""


@dataclass(frozen=True, kw_only=True)
class Warmed:
    """What became of a plan. The counts are those of `WarmUp`.

    wanted, done: of the plan's items. trouble: why the model is out of reach, "" while it is not.
    """

    ended: WarmUp.Ended
    wanted: int
    done: int
    computed: int
    already_there: int
    failed: int
    skipped: int
    predicted_hits: int
    trouble: str = ""


def warm(
    plan: Plan,
    *,
    limit: int | None = None,
    concurrency: int = 1,
    advance: Callable[[], None] = lambda: None,
    run: WarmUp | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    seconds: float = inf,
) -> Warmed:
    """Compute what a plan wants, until it is done, somebody waits for the model, or it is away.

    To make room for somebody it breaks off whatever this process asks the model: it takes a process
    that asks nothing else.

    Args:
        limit: so many answers are asked for at most; None: all.
        concurrency: so many at a time, 1 to 16; no more than the tuning lets through.
        advance: called, from any thread, after each item of the plan.
        run: the warm-up that it is, claimed by the caller; None: one of its own.
        interrupted: asked twice a second whether this process is to end.
        seconds: it ends after so many.

    Raises:
        AlreadyWarming: another one is at work.
        NothingKept: the cache is switched off.
        NoModel: no model answers.
    """
    config = current().config
    if not config.caching.enabled:
        raise NothingKept("The cache is switched off (caching.enabled): nothing would be kept.")
    known_identity()
    health = hosts.health()
    if not health.ok:
        raise NoModel(health.trouble)
    networking = config.networking
    threads = min(concurrency, networking.per_host_limit, networking.max_concurrent_requests)
    row = run or warm_ups.begin(plan.source)
    at_work = _Run(plan, row, limit, advance, interrupted, time.monotonic() + seconds)
    try:
        at_work.go(threads)
    finally:
        get_cache().flush()
        warmed = at_work.finish()
        warm_ups.outdated(timezone.now()).delete()
    return warmed


def work_on(run: WarmUp, interrupted: Callable[[], bool]) -> None:
    """Carry out a warm-up that was asked for and claimed; what was in its way stands in its row."""
    look_at = 0.0

    def look_up() -> None:
        """End the planning too for the sake of who waits."""
        nonlocal look_at
        if time.monotonic() < look_at:
            return
        look_at = time.monotonic() + WATCH_SECONDS
        if interrupted():
            raise _Over(Ended.INTERRUPTED)
        if jobs.people_wait():
            raise _Over(Ended.PEOPLE)

    limit = run.answer_limit or LOST_LIMIT
    try:
        warm(
            plan_lost(limit, look_up),
            limit=limit,
            concurrency=run.concurrency,
            run=run,
            interrupted=interrupted,
            seconds=LONGEST_SECONDS,
        )
    except _Over as exc:
        warm_ups.end(run, exc.args[0])
    except NoModel as exc:
        warm_ups.end(run, Ended.MODEL, str(exc))
    except NothingKept as exc:
        warm_ups.end(run, Ended.NOT_KEPT, str(exc))
    except Exception as exc:
        logger.exception("[PERF] A warm-up failed")
        warm_ups.end(run, Ended.FAILED, type(exc).__name__)


class _Over(Exception):  # a fact, not a fault
    """Nothing more is to be asked; with why, where that is not known yet."""


class _Run:
    """A plan at work: threads take its items in order, while the caller's thread watches."""

    def __init__(
        self,
        plan: Plan,
        row: WarmUp,
        limit: int | None,
        advance: Callable[[], None],
        interrupted: Callable[[], bool],
        ends_at: float,
    ) -> None:
        self._plan = plan
        self._row = row
        self._advance = advance
        self._interrupted = interrupted
        self._ends_at = ends_at
        self._renew_at = 0.0
        self._lock = threading.Lock()
        self._items = iter(plan.wanted)
        self._left, self._limited = limit, False
        self._ended: WarmUp.Ended | None = None
        self._trouble = ""
        self._done = self._failed = 0
        self._already_there = plan.already_there
        # What is expected of each key, by several texts of a file maybe; and the keys computed.
        self._hits: Counter[str] = Counter()
        self._computed: set[str] = set()

    def go(self, threads: int) -> None:
        """Work until all is done or there is a reason to stop."""
        with ThreadPoolExecutor(threads, thread_name_prefix="warm") as pool:
            working = [pool.submit(self._work) for _ in range(threads)]
            try:
                self._watch(working)
            except BaseException:
                # Nobody would stop them any more.
                self._stop(Ended.INTERRUPTED)
                hosts.abort()
                raise
        for thread in working:
            thread.result()

    def finish(self) -> Warmed:
        """Write down what became of it, unless it was given up or deleted, and return that."""
        warmed = Warmed(
            ended=self._ended or (Ended.LIMIT if self._limited else Ended.DONE),
            wanted=len(self._plan.wanted),
            done=self._done,
            computed=len(self._computed),
            already_there=self._already_there,
            failed=self._failed,
            skipped=self._plan.skipped,
            predicted_hits=sum(self._hits[key] for key in self._computed),
            trouble=self._trouble,
        )
        warm_ups.end(
            self._row,
            warmed.ended,
            warmed.trouble,
            computed=warmed.computed,
            already_there=warmed.already_there,
            failed=warmed.failed,
            skipped=warmed.skipped,
            predicted_hits=warmed.predicted_hits,
        )
        return warmed

    def _watch(self, working: list[Future[None]]) -> None:
        """See to it that nobody waits, until the threads have ended."""
        while True:
            try:
                self._renew()
                if not wait(working, timeout=WATCH_SECONDS).not_done:
                    return
                if reason := self._reason_to_stop():
                    self._stop(reason)
                    # Each time anew: a thread may just have begun to ask.
                    hosts.abort()
            except KeyboardInterrupt:
                self._stop(Ended.INTERRUPTED)
                hosts.abort()

    def _renew(self) -> None:
        """Say at times that this process lives; where it was given up, end."""
        if (now := time.monotonic()) >= self._renew_at:
            self._renew_at = now + RENEW_SECONDS
            if not warm_ups.renew(self._row):
                self._stop(Ended.INTERRUPTED)

    def _reason_to_stop(self) -> WarmUp.Ended | None:
        if self._ended:
            return self._ended
        if self._interrupted():
            return Ended.INTERRUPTED
        if jobs.people_wait():
            return Ended.PEOPLE
        return Ended.TIME if time.monotonic() >= self._ends_at else None

    def _stop(self, why: WarmUp.Ended) -> None:
        """Have the threads end; the first reason stands."""
        with self._lock:
            self._ended = self._ended or why

    def _work(self) -> None:
        try:
            while (wanted := self._next()) is not None:
                close_old_connections()
                self._fulfil(wanted)
                with self._lock:
                    self._done += 1
                self._advance()
        except (_Over, CallAborted):
            pass
        except NoModel as exc:
            self._trouble = str(exc)
            self._stop(Ended.MODEL)
        except BaseException:
            self._stop(Ended.INTERRUPTED)
            raise
        finally:
            connections.close_all()

    def _next(self) -> Wanted | None:
        with self._lock:
            return None if self._ended else next(self._items, None)

    def _fulfil(self, wanted: Wanted) -> None:
        if isinstance(wanted, WantedWriting):
            self._write(wanted)
        else:
            self._feel(wanted)

    def _feel(self, wanted: WantedFeeling) -> None:
        scorer, now = make_scorer(get_cache(), wanted.scope), timezone.now()
        found = scorer.peek(wanted.text, wanted.language, known_identity())
        if found is not None:
            self._count_there()
            answer = from_cache(found)
        else:
            self._take_turn()
            answer = scorer.enrich(wanted.text, (), now, wanted.language).answer
            self._judge(answer, wanted)
            with self._lock:
                self._hits[answer.key] += wanted.hits
        if wanted.writing and answer.outcome == Outcome.MODEL:
            stage1 = as_stage1(answer.result, answer.outcome, now)
            if stage1.path:
                self._write(WantedWriting(stage1=stage1, variant=0, hits=wanted.hits))

    def _write(self, wanted: WantedWriting) -> None:
        enricher, number = make_enricher(get_cache()), wanted.variant
        found = enricher.variants(wanted.stage1, known_identity(), number + 1)[number]
        with self._lock:
            another_has_it = found.key in self._hits
            self._hits[found.key] += wanted.hits
        if another_has_it:
            return
        if found.cached is not None:
            self._count_there()
            return
        self._take_turn()
        self._judge(enricher.run_post_enrichment(wanted.stage1, variant=number).answer, wanted)

    def _take_turn(self) -> None:
        """Return if the model may be asked now.

        Raises:
            _Over: it may not.
        """
        if jobs.people_wait():
            self._stop(Ended.PEOPLE)
        with self._lock:
            self._limited = self._left == 0
            if self._ended or self._limited:
                raise _Over
            if self._left is not None:
                self._left -= 1

    def _judge(self, answer: StageAnswer, wanted: Wanted) -> None:
        """Note what came of a question.

        Raises:
            _Over: it makes no sense to ask another.
        """
        if answer.retry_later:
            health = hosts.health()
            # Of a pool that still answers, a host that is away has nothing to do with it.
            self._trouble = answer.reason if health.ok else health.trouble
            self._stop(Ended.MODEL)
            raise _Over
        if answer.outcome != Outcome.MODEL:
            with self._lock:
                self._failed += 1
        elif answer.cache in {CacheState.HIT, CacheState.COLLAPSED}:
            # Somebody else asked the same just now.
            self._count_there()
        elif not answer.stored:
            self._stop(Ended.NOT_KEPT)
            raise _Over
        else:
            self._keep(answer, wanted)

    def _keep(self, answer: StageAnswer, wanted: Wanted) -> None:
        """List an entry as this run's, or drop it if its reflection was forgotten meanwhile."""
        reflection_id = wanted.reflection_id if isinstance(wanted, WantedFeeling) else None
        try:
            WarmUpEntry.objects.create(
                warm_up=self._row,
                reflection_id=reflection_id,
                key=answer.key,
                expires_ms=_now_ms() + answer.ttl_seconds * 1000,
            )
        except IntegrityError:
            drop_entries([answer.key])
            return
        with self._lock:
            self._computed.add(answer.key)

    def _count_there(self) -> None:
        with self._lock:
            self._already_there += 1


def _now_ms() -> int:
    return int(time.time() * 1000)
