"""Asks a model the same questions under changing settings, until the time is up.

What is asked is passed in as data; knows neither the questions' meaning nor Django.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from enrichment.errors import EnrichmentError
from enrichment.inference.messages import ChatRequest, GenerateRequest, LanguageModel, Reply

Question = GenerateRequest | ChatRequest
Cap = Literal["num_predict_short", "num_predict_long"]
CUT = "length"
# Of a writing's reply, in a lap: enough to tell the speed, and the same work in each.
LAP_TOKENS = 32
PARALLEL_TOKENS = 16
# Loading again in the middle of a lap: a call that finds the model loaded reports less.
RELOAD_MS = 200.0


class OutOfTime(EnrichmentError):
    """The time that measuring may take is over."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Questions that belong together, and what their replies say.

    cap: the setting that bounds the replies; None where the questions do so themselves. read:
    what the replies say, in a word; None when they are not valid.
    """

    questions: tuple[Question, ...]
    read: Callable[[Sequence[Reply]], str | None]
    cap: Cap | None = None


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What the site asks: feelings of texts, and texts for feelings; two of each at least.

    languages: for each language a question about a text, and how many characters the text has.
    empty: the same question about no text. longest: how many characters a text may have.
    """

    readings: tuple[Task, ...]
    writings: tuple[Task, ...]
    languages: Mapping[str, tuple[Question, int]]
    empty: Question
    longest: int


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The values that are tuned, named as Ollama's options. num_batch: None is not sent."""

    num_thread: int
    num_ctx: int
    num_batch: int | None
    num_predict_short: int
    num_predict_long: int

    def options(self) -> dict[str, Any]:
        """Return what goes with each question."""
        options = {"num_thread": self.num_thread, "num_ctx": self.num_ctx}
        return options if self.num_batch is None else {**options, "num_batch": self.num_batch}


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One pass: how long it took, above 0, and how fast tokens came; 0 where nobody told."""

    ms: float
    tokens_per_second: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A whole task's end: what it said (None: not valid), whether it was cut, its tokens."""

    said: str | None
    cut: bool
    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All tasks once, in full length, in the workload's order."""

    readings: tuple[Answered, ...]
    writings: tuple[Answered, ...]


class Bench:
    """One model under measurement."""

    def __init__(
        self,
        model: LanguageModel,
        workload: Workload,
        *,
        clock: Callable[[], float],
        seconds: float,
    ) -> None:
        """
        Args:
            clock: seconds, from anywhere.
            seconds: how long measuring may take; no question is put afterwards.
        """
        self.workload = workload
        self._model = model
        self._clock = clock
        self._ends_at = self._limit = clock() + seconds
        self.reloads = 0

    @property
    def left(self) -> float:
        """How many seconds are left; 0 when time is up."""
        return max(0.0, self._ends_at - self._clock())

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Have the time up earlier."""
        before = self._limit
        self._limit = min(before, self._clock() + seconds)
        try:
            yield
        finally:
            self._limit = before

    def ask(self, question: Question, setting: Setting, num_predict: int | None = None) -> Reply:
        """Return the model's reply under a setting.

        Args:
            num_predict: bounds the reply; None leaves that to the question.

        Raises:
            OutOfTime: it was not asked.
            InferenceError: there was no answer.
        """
        if self._clock() >= self._limit:
            raise OutOfTime
        options = {**question.options, **setting.options()}
        if num_predict is not None:
            options["num_predict"] = num_predict
        if isinstance(question, ChatRequest):
            return self._model.chat(replace(question, options=options))
        return self._model.generate(replace(question, options=options))

    def lap(self, setting: Setting, number: int) -> Lap:
        """Time one reading and the beginning of one writing, other ones in each round.

        The call before is not counted: the host may load the model for the setting, and then has
        none of the prompts in its cache. A writing is cut short, so that all laps do the same work.
        """
        readings, writings = self.workload.readings, self.workload.writings
        reading, writing = (tasks[number % len(tasks)] for tasks in (readings, writings))
        self.ask(writings[0].questions[0], setting, 1)
        started = self._clock()
        read = [
            self.ask(question, setting, LAP_TOKENS if reading.cap else None)
            for question in reading.questions
        ]
        written = [self.ask(question, setting, LAP_TOKENS) for question in writing.questions]
        ms = (self._clock() - started) * 1000
        self.reloads += sum(reply.timings.load_ms > RELOAD_MS for reply in (*read, *written))
        tokens = sum(reply.timings.generated_tokens for reply in written)
        spent = sum(reply.timings.generation_ms for reply in written)
        return Lap(ms=max(ms, 1e-3), tokens_per_second=1000 * tokens / spent if spent else 0.0)

    def parallel_lap(self, setting: Setting, at_once: int) -> Lap:
        """Time the beginnings of four writings, so many of them at once."""
        writings = self.workload.writings
        questions = [writings[number % len(writings)].questions[0] for number in range(4)]
        started = self._clock()
        with ThreadPoolExecutor(at_once) as executor:
            asked = [executor.submit(self.ask, it, setting, PARALLEL_TOKENS) for it in questions]
            replies = [it.result() for it in asked]
        seconds = max(self._clock() - started, 1e-6)
        tokens = sum(reply.timings.generated_tokens for reply in replies)
        return Lap(ms=seconds * 1000, tokens_per_second=tokens / seconds)

    def answer(self, task: Task, setting: Setting) -> Answered:
        """Do a task in full length."""
        cap = getattr(setting, task.cap) if task.cap else None
        replies = [self.ask(question, setting, cap) for question in task.questions]
        cut = task.cap is not None and any(reply.done_reason == CUT for reply in replies)
        return Answered(
            said=None if cut else task.read(replies),
            cut=cut,
            prompt_tokens=max(reply.timings.prompt_tokens for reply in replies),
            generated_tokens=max(reply.timings.generated_tokens for reply in replies),
        )

    def survey(self, setting: Setting) -> Survey:
        """Do all tasks once, in full length."""
        return Survey(
            readings=tuple(self.answer(task, setting) for task in self.workload.readings),
            writings=tuple(self.answer(task, setting) for task in self.workload.writings),
        )


def median_of(values: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    return statistics.median(values) if values else None
