"""Finds better values for a model's settings by measuring, and says how sure that is.

A value takes another's place only when it is faster twice over (`races`), valid replies stay valid
and labels stay as they are; or, for the caps on replies, when fewer replies are cut. What can't be
shown stays as it is. Settings are looked at one after another, each with what won before in force.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from enrichment.errors import InferenceError
from enrichment.inference.bench import (
    Answered,
    Bench,
    Cap,
    OutOfTime,
    Question,
    Setting,
    Survey,
    median_of,
)
from enrichment.inference.intervals import Interval
from enrichment.inference.races import FEWEST_ROUNDS, Race, TimeLap, race

# How the time is split; what one setting leaves over is for those behind it. A race keeps to its
# share; confirming what it found, and looking at whole replies, may take more.
SHARES = {"num_thread": 5, "num_batch": 2, "num_predict_long": 2, "num_ctx": 2, "parallel": 2}
BATCHES = (128, 256, 512, 1024)
PARALLEL = (2, 4)
LEAST_CTX = 512
MOST_PREDICT = 4096
# Above what was measured: other texts have other lengths.
MARGIN = 1.2
# Tokens of a short sample, taken for those of a long text.
SCALING_MARGIN = 1.05
HELD = "held"


class Verdict(StrEnum):
    """What becomes of a setting. ADVISED: better, but not ours to set."""

    KEPT = "kept"
    BETTER = "better"
    ADVISED = "advised"
    UNDECIDED = "undecided"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One value and how it did against the one in force; None where it was not measured."""

    value: int | None
    rounds: int
    median_ms: float | None
    tokens_per_second: float | None
    speed_up: Interval | None
    gate: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one setting. value: what should take the place of `now`; None: nothing."""

    knob: str
    now: int | None
    verdict: Verdict
    why: str
    value: int | None = None
    speed_up: Interval | None = None
    candidates: tuple[Candidate, ...] = ()
    advice: str = ""


Progress = Callable[[str], None]


def tune(
    bench: Bench,
    setting: Setting,
    *,
    threads: Sequence[int],
    parallel: Sequence[int] = PARALLEL,
    fixed: Mapping[str, str] | None = None,
    progress: Progress = lambda _doing: None,
    seed: int = 1,
) -> Iterator[Finding]:
    """Yield what comes of each setting, as soon as it is known; ends in the bench's time.

    Args:
        setting: what is in force.
        threads, parallel: how many threads, and requests at once, to try.
        fixed: settings that are not to be looked at, and why.
        progress: is told what is being measured.
        seed: of the order within the rounds.

    Raises:
        InferenceError: no answer was had with what is in force.
    """
    progress("what is in force")
    with suppress(OutOfTime):
        bench.ask(bench.workload.writings[0].questions[0], setting, 1)
    tuner = _Tuner(bench, setting, fixed or {}, progress, random.Random(seed))  # noqa: S311  # an order
    yield tuner.look("num_thread", lambda: tuner.choose("num_thread", threads))
    yield tuner.look("num_batch", lambda: tuner.choose("num_batch", BATCHES))
    yield tuner.look("num_predict_short", lambda: tuner.cap("num_predict_short"))
    yield tuner.look("num_predict_long", lambda: tuner.cap("num_predict_long"))
    # After the caps: it has to hold the longest reply that they allow.
    yield tuner.look("num_ctx", tuner.context)
    yield tuner.look("parallel", lambda: tuner.parallel(parallel))


def gate(reference: Survey, found: Survey) -> str:
    """Return why one setting's replies may not take the place of another's; HELD when they may."""
    pairs = list(zip(reference.readings, found.readings, strict=True))
    if all(before.said is None for before, _ in pairs):
        return "no labels to compare"
    other = sum(before.said not in {None, after.said} for before, after in pairs)
    if other:
        return f"labels differ ({other} of {len(pairs)})"
    written = list(zip(reference.writings, found.writings, strict=True))
    lost = sum(before.said is not None and after.said is None for before, after in written)
    return f"replies not valid ({lost} of {len(written)})" if lost else HELD


class _Tuner:
    """Looks at one setting after another, and keeps what won."""

    def __init__(
        self,
        bench: Bench,
        setting: Setting,
        fixed: Mapping[str, str],
        progress: Progress,
        draw: random.Random,
    ) -> None:
        self._bench = bench
        self._at_first = self._setting = setting
        self._reference: Survey | None = None
        self._progress = progress
        self._draw = draw
        self._fixed = fixed
        self._shares = {knob: share for knob, share in SHARES.items() if knob not in fixed}

    def look(self, knob: str, find: Callable[[], Finding]) -> Finding:
        """Return a setting's finding; keeps what is better in force for the next ones."""
        now = 1 if knob == "parallel" else getattr(self._setting, knob)
        if why := self._fixed.get(knob):
            return Finding(knob=knob, now=now, verdict=Verdict.KEPT, why=why)
        self._progress(knob)
        try:
            finding = find()
        except OutOfTime:
            finding = Finding(knob=knob, now=now, verdict=Verdict.UNDECIDED, why="not enough time")
        except InferenceError as exc:
            why = f"the host failed ({type(exc).__name__})"
            finding = Finding(knob=knob, now=now, verdict=Verdict.UNDECIDED, why=why)
        self._shares.pop(knob, None)
        if finding.verdict == Verdict.BETTER:
            changed: dict[str, Any] = {knob: finding.value}
            self._setting = replace(self._setting, **changed)
        return finding

    def choose(self, knob: str, values: Sequence[int]) -> Finding:
        """Race values of a setting; the replies of what wins are held against those of before."""
        setting = self._setting

        def with_value(value: int | None) -> Setting:
            changed: dict[str, Any] = {knob: value}
            return replace(setting, **changed)

        def lap(value: Any, number: int) -> Any:
            self._progress(f"{knob} {value}, round {number + 1}")
            return self._bench.lap(with_value(value), number)

        def held(value: int) -> str:
            reference = self._known()
            self._progress(f"{knob} {value}, whole replies")
            try:
                return gate(reference, self._bench.survey(with_value(value)))
            except InferenceError as exc:
                return f"the host failed ({type(exc).__name__})"

        return self._contest(knob, getattr(setting, knob), values, lap, held)

    def context(self) -> Finding:
        """Race smaller contexts that hold the longest question; a larger one can only be advised.

        A context that is larger than need be costs memory, and one too small costs the question.
        """
        now, needs = self._setting.num_ctx, self._needs()
        if not needs:
            why = "the host does not count a prompt's tokens"
            return Finding(knob="num_ctx", now=now, verdict=Verdict.KEPT, why=why)
        advice = _advice(now, needs)
        need = max(needs.values())
        smaller = {now // 2, now // 4, 512 * math.ceil(need / 512)}
        legal = sorted(value for value in smaller if max(need, LEAST_CTX) <= value < now)
        if not legal:
            why = f"the longest question takes {need} tokens"
            return Finding(knob="num_ctx", now=now, verdict=Verdict.KEPT, why=why, advice=advice)
        return replace(self.choose("num_ctx", legal), advice=advice)

    def cap(self, knob: Cap) -> Finding:
        """Raise a cap that cuts replies which would end; never lower one.

        A whole reply is as fast under any cap, and the longest legal one has to fit.
        """
        now: int = getattr(self._setting, knob)
        tasks = (*self._bench.workload.readings, *self._bench.workload.writings)

        def kept(why: str) -> Finding:
            return Finding(knob=knob, now=now, verdict=Verdict.KEPT, why=why)

        if not any(task.cap == knob for task in tasks):
            return kept("not in use: labels come by likelihood")
        known = self._known()
        answers = (*known.readings, *known.writings)
        mine = [pair for pair in zip(tasks, answers, strict=True) if pair[0].cap == knob]
        cut = [task for task, answer in mine if answer.cut]
        if not cut:
            most = max(answer.generated_tokens for _, answer in mine)
            return kept(f"{len(mine)} of {len(mine)} replies are whole, {most} tokens at most")
        prompt = max(answer.prompt_tokens for _, answer in mine)
        raised = min(2 * now, MOST_PREDICT, self._setting.num_ctx - prompt)
        if raised <= now:
            return kept(f"{len(cut)} of {len(mine)} replies are cut, and there is no room for more")
        changed: dict[str, Any] = {knob: raised}
        setting = replace(self._setting, **changed)
        again: list[Answered] = []
        for task in cut:
            self._progress(f"{knob} {raised}")
            again.append(self._bench.answer(task, setting))
        whole = [answer.generated_tokens for answer in again if answer.said is not None]
        if not whole:
            return kept(f"{len(cut)} of {len(mine)} replies are cut, and with {raised} tokens too")
        value = min(raised, 8 * math.ceil(MARGIN * max(whole) / 8))
        if value <= now:
            return kept("cut replies ended within the cap when asked again")
        why = f"{len(cut) - len(whole)} of {len(mine)} replies cut instead of {len(cut)}"
        return Finding(knob=knob, now=now, verdict=Verdict.BETTER, why=why, value=value)

    def parallel(self, values: Sequence[int]) -> Finding:
        """Race several requests at once against one after another, for advice."""
        setting = self._setting

        def lap(value: Any, number: int) -> Any:
            self._progress(f"{value} requests at once, round {number + 1}")
            return self._bench.parallel_lap(setting, value)

        # Loads the model as it is in force, once for all laps.
        self._bench.ask(self._bench.workload.writings[0].questions[0], setting, 1)
        found = self._contest("parallel", 1, values, lap, lambda _value: HELD)
        # They are the same questions with the same options: there is nothing to hold.
        measured = tuple(replace(candidate, gate="") for candidate in found.candidates)
        found = replace(found, candidates=measured)
        if found.verdict == Verdict.BETTER:
            advice = (
                f"have QCLUSTER_WORKERS={found.value} or more here and"
                f" OLLAMA_NUM_PARALLEL={found.value} at the host"
            )
            return replace(found, verdict=Verdict.ADVISED, advice=advice)
        advice = "to try more at once the host must allow it (OLLAMA_NUM_PARALLEL)"
        return replace(found, advice=advice)

    def _known(self) -> Survey:
        """Return the whole replies with what was in force at first."""
        if self._reference is None:
            self._progress("whole replies with what is in force")
            self._reference = self._bench.survey(self._at_first)
        return self._reference

    def _needs(self) -> dict[str, int]:
        """Return, by question, how many tokens the longest one takes, reply included."""
        setting, workload = self._setting, self._bench.workload

        def count(question: Question) -> int:
            return self._bench.ask(question, setting, 1).timings.prompt_tokens

        writing = max(count(task.questions[0]) for task in workload.writings)
        base = count(workload.empty)
        if not (writing and base):
            return {}
        needs = {"Stage 2": writing + setting.num_predict_long}
        # What the examples of a chat take is in `base` where labels are generated.
        reply = max(
            (setting.num_predict_short for task in workload.readings if task.cap), default=1
        )
        for language, (question, characters) in workload.languages.items():
            text = SCALING_MARGIN * workload.longest * max(0, count(question) - base) / characters
            needs[language] = math.ceil(base + text) + reply
        return needs

    def _contest(
        self,
        knob: str,
        now: int | None,
        values: Sequence[int],
        lap: TimeLap,
        held: Callable[[int], str],
    ) -> Finding:
        """Return which value wins a race, wins it again, and holds the gate."""
        others = [value for value in values if value != now]
        if not others:
            why = "there is nothing else to try"
            return Finding(knob=knob, now=now, verdict=Verdict.KEPT, why=why)
        seconds = self._bench.left * self._shares[knob] / sum(self._shares.values())
        with self._bench.within(seconds):
            first = race(now, others, lap, draw=self._draw)
        verdict, why = _without_winner(first)
        gates = dict.fromkeys(first.failed, "the host failed")
        won: dict[Any, Interval | None] = {}
        for value in first.winners():
            again = race(now, [value], lap, draw=self._draw, rounds=FEWEST_ROUNDS)
            if again.out_of_time:
                verdict, why = Verdict.UNDECIDED, "not enough time to confirm it"
                break
            if value not in again.winners():
                if verdict != Verdict.REFUSED:
                    why = "what looked faster did not show it again"
                continue
            try:
                gates[value] = held(value)
            except OutOfTime:
                verdict, why = Verdict.UNDECIDED, "not enough time to compare whole replies"
                break
            if gates[value] == HELD:
                won[value] = again.speed_up(value)
                verdict, why = Verdict.BETTER, f"{value} is faster, in two series of rounds"
                break
            verdict, why = Verdict.REFUSED, gates[value]
        best = next(iter(won), None)
        return Finding(
            knob=knob,
            now=now,
            verdict=verdict,
            why=why,
            value=best,
            speed_up=won.get(best),
            candidates=tuple(
                _candidate(first, value, gates.get(value, ""), won) for value in (now, *others)
            ),
        )


def _without_winner(first: Race) -> tuple[Verdict, str]:
    """Return what to say when nothing has won."""
    if first.out_of_time and first.rounds < FEWEST_ROUNDS:
        return Verdict.UNDECIDED, f"not enough rounds ({first.rounds} of {FEWEST_ROUNDS})"
    return Verdict.KEPT, "nothing else is shown to be faster"


def _candidate(first: Race, value: Any, gated: str, won: dict[Any, Interval | None]) -> Candidate:
    laps = first.laps[value]
    found = won.get(value) or (None if value == first.now else first.speed_up(value))
    verdict = ""
    if value == first.now:
        verdict = "in force"
    elif value in won:
        verdict = "better"
    elif value in first.failed:
        verdict = f"refused: {first.failed[value]}"
    elif gated:
        verdict = "refused"
    elif len(laps) < FEWEST_ROUNDS and first.out_of_time:
        verdict = "undecided"
    else:
        verdict = "not shown to be faster"
    speeds = [lap.tokens_per_second for lap in laps if lap.tokens_per_second]
    return Candidate(
        value=value,
        rounds=len(laps),
        median_ms=median_of([lap.ms for lap in laps]),
        tokens_per_second=median_of(speeds),
        speed_up=found,
        gate=gated,
        verdict=verdict,
    )


def _advice(now: int, needs: dict[str, int]) -> str:
    """Return what to say of a context that is too small for some questions; empty where none is."""
    lacking = {name: need for name, need in needs.items() if need > now}
    if not lacking:
        return ""
    named = ", ".join(f"{name} {need}" for name, need in lacking.items())
    enough = 512 * math.ceil(max(lacking.values()) / 512)
    return (
        f"{now} tokens don't hold the longest questions ({named}), which the host cuts or refuses;"
        f" {enough} would, where it has the memory"
    )
