"""What the chaos runs know of the jobs from outside: the database's own record of each commit.

Triggers write down each result and each completion, so that one that is written twice is seen even
where the rows that are left look well.
"""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from cachestats.config import Config
from enrichment.stages import analytics
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.hybrid_scorer import HybridScorer, Stage1
from enrichment.stages.post_enricher import PostEnricher
from enrichment.tuned_stages import weights_of
from tests.faults.chaos_model import Truth
from tests.unit.enrichment.scripted import ASKING, DictCache

STUCK_SECONDS = 60
WATCH_SQLITE = """
CREATE TABLE chaos_commits (reflection TEXT, stage INTEGER);
CREATE TABLE chaos_replaced (reflection TEXT, stage INTEGER);
CREATE TABLE chaos_completions (job INTEGER);
CREATE TRIGGER chaos_commit AFTER INSERT ON enrichment_stageresult BEGIN
    INSERT INTO chaos_commits VALUES (NEW.reflection_id, NEW.stage);
END;
CREATE TRIGGER chaos_replace AFTER DELETE ON enrichment_stageresult BEGIN
    INSERT INTO chaos_replaced VALUES (OLD.reflection_id, OLD.stage);
END;
CREATE TRIGGER chaos_completion AFTER UPDATE OF status ON enrichment_job
WHEN NEW.status = 'complete' BEGIN
    INSERT INTO chaos_completions VALUES (NEW.id);
END;
"""
WATCH_POSTGRESQL = """
CREATE TABLE chaos_commits (reflection UUID, stage INTEGER);
CREATE TABLE chaos_replaced (reflection UUID, stage INTEGER);
CREATE TABLE chaos_completions (job BIGINT);
CREATE FUNCTION chaos_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_commits VALUES (NEW.reflection_id, NEW.stage); RETURN NULL;
END $$;
CREATE FUNCTION chaos_replace() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_replaced VALUES (OLD.reflection_id, OLD.stage); RETURN NULL;
END $$;
CREATE FUNCTION chaos_completion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_completions VALUES (NEW.id); RETURN NULL;
END $$;
CREATE TRIGGER chaos_commit AFTER INSERT ON enrichment_stageresult
    FOR EACH ROW EXECUTE FUNCTION chaos_commit();
CREATE TRIGGER chaos_replace AFTER DELETE ON enrichment_stageresult
    FOR EACH ROW EXECUTE FUNCTION chaos_replace();
CREATE TRIGGER chaos_completion AFTER UPDATE OF status ON enrichment_job
    FOR EACH ROW WHEN (NEW.status = 'complete') EXECUTE FUNCTION chaos_completion();
"""


class Books:
    """Reads the site's database beside it."""

    def __init__(self, place: Path | str) -> None:
        """
        Args:
            place: a SQLite file, or PostgreSQL's URL.
        """
        self._place = place

    def watch(self) -> None:
        """Have the database write down each commit from now on."""
        if isinstance(self._place, Path):
            with closing(sqlite3.connect(self._place)) as database:
                database.executescript(WATCH_SQLITE)
        else:
            with psycopg.connect(self._place) as database:
                database.execute(WATCH_POSTGRESQL)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        if isinstance(self._place, Path):
            with closing(sqlite3.connect(self._place, timeout=5)) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self._place, connect_timeout=5) as database:
            return database.execute(query).fetchall()

    def number(self, query: str) -> int:
        """Return the one number that a query finds."""
        return int(self.rows(query)[0][0])


UNREADABLE = (sqlite3.Error, psycopg.Error)


@dataclass(frozen=True)
class Audit:
    """What became of all reflections; lists hold one entry for each that is not as it should be."""

    reflections: int
    fallbacks: int
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    committed_twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.stuck or self.committed_twice or self.wrong)


def audit(books: Books, accepted: dict[str, str], lied_to: set[str]) -> Audit:
    """Hold what is in the database against what was accepted and what is true.

    Args:
        accepted: the texts of the reflections that the site said it had taken, by their id.
        lied_to: the inferences that the model lied about.
    """
    texts = {
        _plain(identity): (text, again)
        for identity, text, again in books.rows(
            "SELECT id, text, enrich_again FROM enrichment_reflection"
        )
    }
    results: dict[str, dict[int, tuple[str, str, Any]]] = {identity: {} for identity in texts}
    for identity, stage, outcome, reason, result in books.rows(
        "SELECT reflection_id, stage, outcome, reason, result FROM enrichment_stageresult"
    ):
        content = json.loads(result) if isinstance(result, str) else result
        results[_plain(identity)][stage] = (outcome, reason, content)
    jobs = books.rows(
        "SELECT reflection_id, status, created_at, finished_at FROM enrichment_job"
        " WHERE purpose = 'submitted'"
    )
    complete = {_plain(identity) for identity, status, *_ in jobs if status == "complete"}
    known = {identity.replace("-", "") for identity in accepted}
    truth = Oracle(lied_to)
    found = Audit(
        reflections=len(texts),
        fallbacks=sum(
            outcome == Outcome.FALLBACK for row in results.values() for outcome, *_ in row.values()
        ),
        lost=[
            *(f"{identity} is gone" for identity in known - texts.keys()),
            *(f"{identity} is not complete" for identity in texts.keys() - complete),
        ],
        stuck=[
            f"{_plain(identity)} took {seconds:.0f} s"
            for identity, _, created, finished in jobs
            if finished and (seconds := _seconds_between(created, finished)) > STUCK_SECONDS
        ],
        committed_twice=_committed_twice(books),
        wrong=[
            f"{identity}: {problem}"
            for identity, (text, again) in texts.items()
            for problem in truth.problems(text, results[identity], bool(again))
        ],
    )
    for identity, text in accepted.items():
        stored = texts.get(identity.replace("-", ""), (text, False))[0]
        if stored != text:
            found.wrong.append(f"{identity}: another text")
    return found


def _committed_twice(books: Books) -> list[str]:
    """Return each job that ended twice, and each result that was written but replaced no other."""
    completions = Counter(job for (job,) in books.rows("SELECT job FROM chaos_completions"))
    replaced = Counter(books.rows("SELECT reflection, stage FROM chaos_replaced"))
    commits = Counter(books.rows("SELECT reflection, stage FROM chaos_commits"))
    return [
        *(f"job {job} completed {times} times" for job, times in completions.items() if times > 1),
        *(
            f"{identity} stage {stage}: {times} times"
            for (identity, stage), times in commits.items()
            if times > 1 + replaced[identity, stage]
        ),
    ]


class Oracle:
    """Tells what both stages make of a text when nothing goes wrong."""

    def __init__(self, lied_to: set[str]) -> None:
        self._lied_to = lied_to
        self._model = Truth()
        # The weights in force by default, as the site under test has them.
        self._scorer = HybridScorer(
            self._model, DictCache(), scope="site", **ASKING | {"weights": weights_of(Config())}
        )

    def problems(
        self, text: str, stages: dict[int, tuple[str, str, Any]], again: bool
    ) -> list[str]:
        """Return what is wrong with a reflection's results: a false word, or a false label.

        An outage leaves marked fallbacks, which are enriched again later; a lie leaves fallbacks
        for good, because asking again is of no use.
        """
        now = datetime.now(UTC)
        expected = self._scorer.enrich(text, (), now)
        found = [f"stage {stage} is missing" for stage in (1, 2) if stage not in stages]
        if found:
            return found
        for stage, (outcome, reason, result) in stages.items():
            if outcome == Outcome.FALLBACK:
                if not again and not self._was_lied_to(stage, text, stages[1][2], reason):
                    found.append(f"stage {stage} is a fallback for {reason} and not marked")
            elif outcome != Outcome.MODEL:
                # Where only the lexicon was asked, it may have found nothing to write about.
                if outcome != Outcome.CURATED or stages[1][2]["wheel"]:
                    found.append(f"stage {stage} says {outcome}")
            elif stage == 1:
                if result != expected.answer.result:
                    found.append("stage 1 is not what the model said")
            elif result != self._write(stages[1][2]):
                found.append("stage 2 is not what the model wrote")
        return found

    def _was_lied_to(self, stage: int, text: str, first: Any, reason: str) -> bool:
        """Return whether a fallback stands for an answer that was a lie."""
        if reason != "InvalidReply":
            return False
        if stage == 1:
            return any(text in asked for asked in self._lied_to)
        self._write(first)
        return self._model.asked_last in self._lied_to

    def _write(self, first: Any) -> Any:
        """Return what Stage 2 makes of a Stage 1; the model is asked each time."""
        stage1 = Stage1(
            answer=StageAnswer(result=first, outcome=Outcome.MODEL),
            context=analytics.context((), datetime.now(UTC)),
        )
        enricher = PostEnricher(
            self._model, DictCache(), num_ctx=4096, num_predict=160, temperature=0.3
        )
        return enricher.run_post_enrichment(stage1).answer.result


def _plain(identity: object) -> str:
    return str(identity).replace("-", "")


def _seconds_between(earlier: Any, later: Any) -> float:
    first, last = (
        datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        for moment in (earlier, later)
    )
    return float((last - first).total_seconds())
