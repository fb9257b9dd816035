"""Settings are changed only for what is shown to be better; a host with a clock of its own."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.errors import HostFailed
from enrichment.inference.bench import (
    Bench,
    Lap,
    OutOfTime,
    Setting,
    Task,
    Workload,
)
from enrichment.inference.messages import (
    ChatRequest,
    GenerateRequest,
    ModelIdentity,
    Reply,
    Timings,
)
from enrichment.inference.races import FEWEST_ROUNDS, race
from enrichment.inference.tuning import Finding, Verdict, tune

NOW = Setting(
    num_thread=4, num_ctx=4096, num_batch=None, num_predict_short=120, num_predict_long=160
)
Options = dict[str, Any]


@dataclass
class Host:
    """Answers by its options; each token takes its own time by the clock.

    seconds_per_token, label and length (of a writing, in tokens) are functions of the options.
    load: seconds that another num_thread, num_ctx or num_batch costs.
    """

    seconds_per_token: Callable[[Options], float] = lambda _options: 0.1
    label: Callable[[Options], str] = lambda _options: "sad"
    length: Callable[[Options], int] = lambda _options: 40
    load: float = 0.0
    now: float = 1000.0
    asked: list[Options] = field(default_factory=list)
    loaded: Options = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clock(self) -> float:
        return self.now

    def identity(self) -> ModelIdentity:
        return ModelIdentity(name="fake", digest="", engine="fake")

    def generate(self, request: GenerateRequest) -> Reply:
        return self._reply(dict(request.options), len(request.prompt), self.label, 1)

    def chat(self, request: ChatRequest) -> Reply:
        options = dict(request.options)
        characters = sum(len(content) for _, content in request.messages)
        return self._reply(options, characters, lambda _: "whole", self.length(options))

    def _reply(
        self, options: Options, characters: int, text: Callable[[Options], str], tokens: int
    ) -> Reply:
        with self.lock:
            self.asked.append(options)
            said = text(options)
            runner = {key: options.get(key) for key in ("num_thread", "num_ctx", "num_batch")}
            load = self.load if self.loaded != runner else 0.0
            self.loaded = runner
            written = min(tokens, options["num_predict"])
            spent = written * self.seconds_per_token(options)
            self.now += load + spent
        return Reply(
            text=said if written == tokens else "",
            done_reason="stop" if written == tokens else "length",
            timings=Timings(
                total_ms=1000 * (load + spent),
                load_ms=1000 * load,
                prompt_ms=0.0,
                generation_ms=1000 * spent,
                prompt_tokens=characters // 4,
                generated_tokens=written,
            ),
        )


def says(replies: Sequence[Reply]) -> str | None:
    return replies[0].text or None


def asks(prompt: str) -> GenerateRequest:
    return GenerateRequest(prompt=prompt, options={"num_predict": 1})


WORKLOAD = Workload(
    readings=tuple(Task(questions=(asks(f"text {n} " * 9),) * 2, read=says) for n in range(3)),
    writings=tuple(
        Task(
            questions=(
                ChatRequest(messages=(("user", f"feeling {n}"),), options={"num_predict": 160}),
            ),
            read=says,
            cap="num_predict_long",
        )
        for n in range(2)
    ),
    languages={"English": (asks("d" * 400), 360)},
    empty=asks("d" * 40),
    longest=5000,
)


def run(
    host: Host,
    *,
    seconds: float = 100_000,
    setting: Setting = NOW,
    threads: Sequence[int] = (1, 2, 4),
    parallel: Sequence[int] = (2,),
    workload: Workload = WORKLOAD,
    fixed: Mapping[str, str] | None = None,
    seed: int = 1,
) -> dict[str, Finding]:
    """Return what comes of each setting."""
    bench = Bench(host, workload, clock=host.clock, seconds=seconds)
    found = tune(bench, setting, threads=threads, parallel=parallel, fixed=fixed, seed=seed)
    return {finding.knob: finding for finding in found}


def verdicts(found: dict[str, Finding]) -> set[Verdict]:
    return {finding.verdict for finding in found.values()}


def test_fastest_number_of_threads_is_found() -> None:
    """The best of several that are faster wins, with the speed-up that it has."""
    host = Host(seconds_per_token=lambda it: {1: 0.05, 2: 0.025}.get(it["num_thread"], 0.1))
    found = run(host)["num_thread"]

    assert (found.verdict, found.value) == (Verdict.BETTER, 2)
    assert found.speed_up is not None
    assert found.speed_up.low == pytest.approx(4.0)
    assert [candidate.value for candidate in found.candidates] == [4, 1, 2]


def test_what_won_is_in_force_for_the_next_setting() -> None:
    """The settings behind are measured with it, for nobody will use them without."""
    host = Host(seconds_per_token=lambda it: 0.05 if it["num_thread"] == 1 else 0.1)
    run(host)
    with_batch = [options for options in host.asked if "num_batch" in options]
    assert {options["num_thread"] for options in with_batch} == {1}


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_changes_nothing(seed: int) -> None:
    """Calls that take half to twice as long at random make no value better than another."""
    draw = random.Random(seed)
    host = Host(seconds_per_token=lambda _: draw.uniform(0.05, 0.2))
    assert verdicts(run(host, seed=seed)) == {Verdict.KEPT}


def test_a_gain_is_found_through_noise() -> None:
    """Twice as fast shows in spite of a machine that has other things to do."""
    draw = random.Random(1)
    host = Host(
        seconds_per_token=lambda it: draw.uniform(0.08, 0.14) / (2 if it["num_thread"] == 2 else 1)
    )
    assert run(host)["num_thread"].value == 2


def test_gain_that_does_not_come_again_is_none() -> None:
    """What looked best in the race has to show it in rounds of its own."""
    host = Host()
    quick = iter([True] * 3 * FEWEST_ROUNDS)

    def seconds(options: Options) -> float:
        return 0.05 if options["num_thread"] == 1 and next(quick, False) else 0.1

    host.seconds_per_token = seconds
    found = run(host, threads=(1,))["num_thread"]
    assert (found.verdict, found.value) == (Verdict.KEPT, None)


def test_other_labels_are_refused() -> None:
    """However fast: a setting under which texts are read otherwise is not taken."""
    host = Host(
        seconds_per_token=lambda it: 0.05 if it["num_thread"] == 1 else 0.1,
        label=lambda it: "mad" if it["num_thread"] == 1 else "sad",
    )
    found = run(host)["num_thread"]
    assert (found.verdict, found.value) == (Verdict.REFUSED, None)
    assert found.why == "labels differ (3 of 3)"


def test_cut_replies_are_refused() -> None:
    """However fast: a setting under which whole replies are cut is not taken."""
    host = Host(
        seconds_per_token=lambda it: 0.05 if it["num_thread"] == 1 else 0.1,
        length=lambda it: 500 if it["num_thread"] == 1 else 40,
    )
    found = run(host)["num_thread"]
    assert (found.verdict, found.value) == (Verdict.REFUSED, None)
    assert found.why == "replies not valid (2 of 2)"


def test_labels_that_nobody_reports_hold_no_gate() -> None:
    """Where labels can't be compared nothing is put in another's place."""
    host = Host(
        seconds_per_token=lambda it: 0.05 if it["num_thread"] == 1 else 0.1, label=lambda _: ""
    )
    assert run(host)["num_thread"].why == "no labels to compare"


def test_next_best_is_taken_where_the_best_is_refused() -> None:
    """One value's gate says nothing of another's."""
    host = Host(
        seconds_per_token=lambda it: {1: 0.02, 2: 0.05}.get(it["num_thread"], 0.1),
        label=lambda it: "mad" if it["num_thread"] == 1 else "sad",
    )
    found = run(host)["num_thread"]
    assert (found.verdict, found.value) == (Verdict.BETTER, 2)
    assert {one.value: one.gate for one in found.candidates} == {
        4: "", 1: "labels differ (3 of 3)", 2: "held",
    }  # fmt: skip


def test_loading_for_a_setting_is_not_counted() -> None:
    """A host that loads the model anew for each change is timed once it has."""
    found = run(Host(load=30.0))["num_thread"]
    # Two questions of a token, and 32 tokens of a writing.
    assert [candidate.median_ms for candidate in found.candidates] == pytest.approx([3400] * 3)
    assert found.verdict == Verdict.KEPT


def test_value_on_which_the_host_fails_is_refused_and_the_rest_goes_on() -> None:
    """Too many threads for a host are an answer about that number alone."""

    def seconds(options: Options) -> float:
        if options["num_thread"] == 8:
            raise HostFailed("no")
        return 0.05 if options["num_thread"] == 1 else 0.1

    found = run(Host(seconds_per_token=seconds), threads=(1, 8))["num_thread"]
    assert found.value == 1
    assert found.candidates[2].verdict == "refused: HostFailed"


def test_host_that_fails_with_what_is_in_force_leaves_it_undecided() -> None:
    """Nothing can be held against what does not answer; the other settings are looked at."""
    host = Host()
    calls = iter(range(10_000))

    def seconds(_options: Options) -> float:
        if 5 < next(calls) < 8:
            raise HostFailed("no")
        return 0.1

    host.seconds_per_token = seconds
    found = run(host)
    assert found["num_thread"].verdict == Verdict.UNDECIDED
    assert found["num_thread"].why == "the host failed (HostFailed)"
    assert found["num_predict_long"].verdict == Verdict.KEPT


def test_host_that_never_answers_is_an_error() -> None:
    """There is nothing to measure."""

    def seconds(_options: Options) -> float:
        raise HostFailed("no")

    with pytest.raises(HostFailed):
        run(Host(seconds_per_token=seconds))


@settings(deadline=None, max_examples=40)
@given(
    budget=st.floats(0.5, 2000),
    slowness=st.floats(0.001, 5),
    gain=st.floats(0.2, 3),
    load=st.floats(0, 20),
)
def test_time_is_kept_but_for_one_call(
    budget: float, slowness: float, gain: float, load: float
) -> None:
    """Whatever the host's speed, no question is put when the time is up; all settings are told."""
    host = Host(
        seconds_per_token=lambda it: slowness / (gain if it["num_thread"] == 1 else 1), load=load
    )
    longest_call = load + NOW.num_predict_long * slowness * max(1, 1 / gain)
    began = host.now
    found = run(host, seconds=budget, parallel=())

    assert host.now - began <= budget + longest_call
    assert len(found) == 6


def test_too_little_time_is_undecided() -> None:
    """With fewer rounds than it takes, nothing is said of a value, however fast it looks."""
    host = Host(seconds_per_token=lambda it: 0.01 if it["num_thread"] == 1 else 0.1)
    found = run(host, seconds=30)

    assert found["num_thread"].verdict == Verdict.UNDECIDED
    assert found["num_thread"].why.startswith("not enough rounds")
    assert not any(finding.value for finding in found.values())


def test_a_slow_race_leaves_time_for_what_comes_after() -> None:
    """A race keeps to its share: the other settings are looked at although it came to nothing."""
    found = run(Host(), seconds=120)

    assert found["num_thread"].verdict == Verdict.UNDECIDED
    assert found["num_predict_long"].verdict == Verdict.KEPT


def test_hopeless_value_is_given_up_early() -> None:
    """One thread too many can be ten times slower; its time is for the others."""
    host = Host(seconds_per_token=lambda it: 1.0 if it["num_thread"] == 8 else 0.1)
    found = run(host, threads=(2, 8))["num_thread"]
    assert {one.value: one.rounds for one in found.candidates} == {4: 5, 2: 5, 8: 2}


def test_settings_that_change_nothing_are_not_looked_at() -> None:
    """However fast they look: the host takes no notice of them, and the time is for the others."""
    fixed = {"num_batch": "no such option", "num_ctx": "always the same"}
    host = Host(seconds_per_token=lambda it: 0.01 if it.get("num_batch") == 256 else 0.1)
    found = run(host, fixed=fixed)

    assert list(found) == list(run(Host()))
    assert {knob: found[knob].why for knob in fixed} == fixed
    assert verdicts(found) == {Verdict.KEPT}
    assert {(it.get("num_batch"), it["num_ctx"]) for it in host.asked} == {(None, NOW.num_ctx)}


def test_time_for_settings_that_are_not_looked_at_is_for_the_others() -> None:
    """In a time that is too short for all, the threads are decided once others are left out."""
    fixed = dict.fromkeys(("num_batch", "num_ctx"), "no such option")
    assert run(Host(), seconds=120)["num_thread"].verdict == Verdict.UNDECIDED
    assert run(Host(), seconds=120, fixed=fixed)["num_thread"].verdict == Verdict.KEPT


# The context


def test_context_is_never_smaller_than_the_longest_question() -> None:
    """Where the longest text needs nearly all of it, nothing smaller is tried, however fast."""
    host = Host(seconds_per_token=lambda it: it["num_ctx"] / 1e5)
    found = run(host, setting=replace(NOW, num_ctx=1400))["num_ctx"]
    # 10 tokens without a text, 90 more for 360 characters: 0.25 a character, and 5 % for safety.
    assert (found.verdict, found.value) == (Verdict.KEPT, None)
    assert found.why == "the longest question takes 1324 tokens"
    assert {options["num_ctx"] for options in host.asked} == {1400}


def test_smaller_context_that_is_faster_and_holds_all_is_taken() -> None:
    """Of several the fastest, which still holds the longest question."""
    host = Host(seconds_per_token=lambda it: it["num_ctx"] / 1e5)
    found = run(host, setting=replace(NOW, num_ctx=8192))["num_ctx"]
    assert (found.verdict, found.value) == (Verdict.BETTER, 1536)


def test_context_that_is_too_small_is_told_and_left() -> None:
    """A larger one costs memory and is no faster: that is for a person to decide."""
    found = run(Host(), setting=replace(NOW, num_ctx=1024))["num_ctx"]
    assert (found.verdict, found.value) == (Verdict.KEPT, None)
    assert "1024 tokens don't hold the longest questions (English 13" in found.advice
    assert "1536 would" in found.advice


def test_context_holds_the_longest_question_with_the_cap_as_it_was_raised() -> None:
    """Labels that are generated: a cap that grows leaves no room in what was just enough before."""
    labels = Task(
        questions=(ChatRequest(messages=(("user", "text"),), options={"num_predict": 160}),),
        read=says,
        cap="num_predict_short",
    )
    found = run(
        Host(length=lambda _: 250, seconds_per_token=lambda it: it["num_ctx"] / 1e5),
        setting=replace(NOW, num_ctx=8192, num_predict_short=200, num_predict_long=400),
        workload=replace(WORKLOAD, readings=(*WORKLOAD.readings, labels)),
    )
    # Without the reply it takes 1,323 tokens: 1,536 would hold 200 more, and not 304.
    assert found["num_predict_short"].value == 304
    assert (found["num_ctx"].verdict, found["num_ctx"].value) == (Verdict.BETTER, 2048)


# The caps


def test_cap_that_cuts_replies_is_raised_to_hold_them() -> None:
    """Replies that end with more room are worth it; the cap is what they took and a margin."""
    found = run(Host(length=lambda _: 200))["num_predict_long"]
    assert (found.verdict, found.value) == (Verdict.BETTER, 240)
    assert found.why == "0 of 2 replies cut instead of 2"


def test_cap_is_not_lowered_by_replies_that_end_early_when_asked_again() -> None:
    """What won before may have them say something else: that shows nothing of the cap."""
    found = run(Host(length=lambda it: 200 if it["num_predict"] <= 160 else 60))["num_predict_long"]
    assert (found.verdict, found.value) == (Verdict.KEPT, None)
    assert found.why == "cut replies ended within the cap when asked again"


def test_replies_that_run_on_raise_no_cap() -> None:
    """A model that never ends is cut as early as now."""
    found = run(Host(length=lambda _: 10_000))["num_predict_long"]
    assert (found.verdict, found.value) == (Verdict.KEPT, None)


def test_cap_is_never_lowered() -> None:
    """Short replies are as fast under any cap, and longer ones are legal."""
    found = run(Host(length=lambda _: 12))["num_predict_long"]
    assert (found.verdict, found.value) == (Verdict.KEPT, None)
    assert found.why == "2 of 2 replies are whole, 12 tokens at most"


def test_cap_that_bounds_nothing_is_told() -> None:
    """Labels by likelihood are one token, whatever the cap."""
    assert "not in use" in run(Host())["num_predict_short"].why


# Several at once


def test_requests_at_once_are_advice() -> None:
    """How many a host takes is set at the host, so nothing is put in force."""

    host = Host()
    bench = Bench(host, WORKLOAD, clock=host.clock, seconds=100_000)
    laps = {1: 400.0, 2: 200.0}
    bench.parallel_lap = lambda _setting, at_once: Lap(ms=laps[at_once])  # type: ignore[method-assign]
    *_, found = tune(bench, NOW, threads=(4,), parallel=(2,))

    assert (found.verdict, found.value) == (Verdict.ADVISED, 2)
    assert "OLLAMA_NUM_PARALLEL=2" in found.advice
    assert "QCLUSTER_WORKERS" in found.advice
    assert {candidate.gate for candidate in found.candidates} == {""}


def test_host_that_takes_one_at_a_time_gains_nothing() -> None:
    """Requests that queue there are no faster together."""
    assert run(Host(), parallel=(2, 4))["parallel"].verdict == Verdict.KEPT


# Rounds


def test_one_round_has_no_interval() -> None:
    """A single ratio would look as sure as can be."""
    came = race(
        "now", ["other"], lambda _value, _number: Lap(ms=1.0), draw=random.Random(1), rounds=1
    )
    assert came.speed_up("other") is None


def test_half_a_round_is_not_counted() -> None:
    """When time is up within a round, the sides still have as many laps."""
    times = iter(range(7))

    def lap(_value: Any, _number: int) -> Lap:
        if next(times) == 5:
            raise OutOfTime
        return Lap(ms=1.0)

    came = race("now", ["other"], lap, draw=random.Random(1))
    assert (len(came.laps["now"]), len(came.laps["other"])) == (2, 2)
    assert came.out_of_time


def test_sides_of_a_round_take_turns_at_being_first() -> None:
    """Whoever goes first may find a colder machine: it is not always the same."""
    first: list[Any] = []

    def lap(value: Any, number: int) -> Lap:
        if len(first) == number:
            first.append(value)
        return Lap(ms=1.0 + random.Random(f"{value}{number}").random())

    race("now", ["other"], lap, draw=random.Random(1))
    assert set(first) == {"now", "other"}
