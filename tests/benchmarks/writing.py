"""How often Stage 2 ends with the model's own words: `python -m tests.benchmarks.writing FILE`.

FILE is a CSV file with a column `text`. A sample of its texts goes through both stages with the
model at OLLAMA_HOST, or with an embedded one that is started for it. Nothing is cached, so every
text is asked for. A site asks once for texts of the same feeling and drivers, so the rate over
distinct questions is shown as well. Texts that the risk check flags get no writing and are left
out.
"""

import argparse
import contextlib
import csv
import math
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enrichment.inference.messages import (
    ChatRequest,
    GenerateRequest,
    LanguageModel,
    ModelIdentity,
    Reply,
)
from enrichment.stages import review, risk
from enrichment.stages.answers import Outcome

Z_95 = 1.959964
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Written:
    """What came of one text.

    question: its path and drivers, which are all that Stage 2 is asked about. refusals: for each
    attempt that failed, the codes of what was wrong.
    """

    question: tuple[tuple[str, ...], tuple[str, ...]]
    outcome: str
    refusals: tuple[tuple[str, ...], ...]
    seconds: float
    result: dict[str, Any]

    @property
    def by_model(self) -> bool:
        return self.outcome == Outcome.MODEL

    @property
    def words(self) -> str:
        lines = (*self.result["poem"], *self.result["tips"], self.result["closing_line"])
        return " / ".join(lines)


class Watched:
    """A model whose writings are looked at on their way."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.refusals: list[tuple[str, ...]] = []

    def identity(self) -> ModelIdentity:
        return self._model.identity()

    def capabilities(self) -> frozenset[str]:
        return self._model.capabilities()

    def generate(self, request: GenerateRequest) -> Reply:
        return self._model.generate(request)

    def chat(self, request: ChatRequest) -> Reply:
        reply = self._model.chat(request)
        try:
            review.review(reply.text)
        except review.InvalidWriting as refused:
            self.refusals.append(tuple(reason.split(":")[0] for reason in refused.reasons))
        return reply


def read_texts(lines: Iterable[str]) -> list[str]:
    """Return the texts of a CSV file with a column `text`."""
    rows = csv.DictReader(lines)
    if "text" not in (rows.fieldnames or ()):
        raise SystemExit("The file needs a header with a column `text`.")
    return [text for row in rows if (text := (row["text"] or "").strip())]


def sample(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """Return so many of the texts that the risk check does not flag, the same for the same seed."""
    unflagged = [text for text in texts if not risk.check(text).flagged]
    return random.Random(seed).sample(unflagged, min(count, len(unflagged)))


def write(texts: Iterable[str], model: LanguageModel) -> Iterator[Written]:
    """Have each text read and written about, uncached. Django must be set up."""
    from django.utils import timezone

    from enrichment.evaluation import NothingKept
    from enrichment.tuned_stages import make_enricher, make_scorer

    watched = Watched(model)
    scorer = make_scorer(NothingKept(), "benchmark", model=watched)
    enricher = make_enricher(NothingKept(), model=watched)
    for text in texts:
        stage1 = scorer.enrich(text, (), timezone.now())
        watched.refusals = []
        started = time.perf_counter()
        answer = enricher.run_post_enrichment(stage1).answer
        yield Written(
            question=(stage1.path, tuple(stage1.answer.result["invoked"])),
            outcome=str(answer.outcome),
            refusals=tuple(watched.refusals),
            seconds=time.perf_counter() - started,
            result=dict(answer.result),
        )


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927); 0 to 1 when nothing was tried."""
    if not trials:
        return 0.0, 1.0
    share = hits / trials
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2))
    middle = share + Z_95**2 / (2 * trials)
    scale = 1 + Z_95**2 / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def show(found: Sequence[Written]) -> None:
    """Print the tables."""
    asked = [each for each in found if each.outcome != Outcome.CURATED]
    distinct = {each.question: each for each in asked}
    for name, each in (("texts", found), ("distinct questions", list(distinct.values()))):
        hits = sum(one.by_model for one in each)
        low, high = wilson(hits, len(each))
        share = hits / len(each) if each else 0.0
        print(f"{name:<20}{hits:>4} of {len(each):<4}{share:>7.2f}   95 %: {low:.2f} to {high:.2f}")
    tables = (
        ("outcome", Counter(each.outcome for each in found)),
        ("attempts refused", Counter(len(each.refusals) for each in asked)),
        ("refused for", Counter(c for each in asked for codes in each.refusals for c in codes)),
    )
    for name, counts in tables:
        row = ", ".join(f"{what} {times}" for what, times in counts.most_common()) or "nothing"
        print(f"{name:<20}{row}")
    if asked:
        times = sorted(each.seconds for each in asked)
        slow = times[math.ceil(0.95 * len(times)) - 1]
        print(f"{'seconds':<20}p50 {statistics.median(times):.1f}, p95 {slow:.1f}")
    written = [each.words for each in distinct.values() if each.by_model]
    if written:
        print(f"{'distinct writings':<20}{len(set(written))} of {len(written)}")
    for each in [one for one in distinct.values() if one.by_model][:SHOWN]:
        print(f"\n{' > '.join(each.question[0])} ({', '.join(each.question[1])})\n  {each.words}")


@contextlib.contextmanager
def model_in_use() -> Iterator[LanguageModel]:
    """The model at OLLAMA_HOST, or an embedded one of its own; with a site around it."""
    from tests.benchmarks.cache import site_in
    from tests.engines import running_engine

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not os.environ.get("OLLAMA_HOST"):
            (folder / "engine").mkdir()
            engine = stack.enter_context(running_engine(folder / "engine"))
            os.environ["OLLAMA_HOST"] = engine.url
        stack.enter_context(site_in(folder))
        from enrichment import hosts

        health = hosts.health()
        if not health.ok:
            raise SystemExit(health.trouble)
        yield hosts.get_client()


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CSV with a column `text`")
    parser.add_argument("--texts", type=int, default=100, help="how many texts (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    options = parser.parse_args()
    with options.file.open(newline="", encoding="utf-8-sig") as lines:
        texts = sample(read_texts(lines), options.texts, options.seed)
    with model_in_use() as model:
        who = model.identity()
        print(f"{len(texts)} texts, seed {options.seed}; {who.name} ({who.engine})")
        show(list(write(texts, model)))


if __name__ == "__main__":
    main()
