"""Each knob alone: how many times as fast the same work is with it as without it.

What shortens a reply (schema, bound, hanging up) is added to the untuned side, one at a time: there
it acts on replies of natural length, while on the tuned side each would hide behind the others.
With the same seed these write the same words up to where they end. What acts on prompt, context and
threads is taken from the tuned side instead, whose replies are as long with it as without it:
natural lengths differ so much that they would drown it. What keeps the model loaded has a row in
the section on unloading.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx

from cachestats.config import current
from enrichment.inference.intervals import Interval, speed_up
from enrichment.inference.messages import ChatRequest, LanguageModel
from enrichment.inference.ollama import OllamaClient
from enrichment.stages.prompts import Method
from tests.benchmarks.inference.report import Section, Table, durations, faster
from tests.benchmarks.inference.sides import Altered, TunedSite, Turn, take_turns, with_options
from tests.benchmarks.inference.untuned import UNTUNED, PlainApp

TUNED = "tuned"
WITH_SCHEMA = "untuned + schema"
WITH_BOUND = "untuned + num_predict"
WITH_STOP = "untuned + hanging up"
BY_SCHEMA = "tuned, labels by schema"
FEELING_FIRST = "tuned, prompt not static"
CHANGING = "tuned, num_ctx changing"
ONE_THREAD = "tuned, one thread"
CALLS = 5


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What to compare, and on which of a turn's durations."""

    name: str
    without: str
    having: str
    stage: str


KNOBS = (
    Knob(name="labels by likelihood", without=UNTUNED, having=TUNED, stage="stage1"),
    Knob(name="  over JSON by a schema", without=BY_SCHEMA, having=TUNED, stage="stage1"),
    Knob(name="schema in format", without=UNTUNED, having=WITH_SCHEMA, stage="both"),
    Knob(name="num_predict", without=UNTUNED, having=WITH_BOUND, stage="both"),
    Knob(name="hanging up when JSON is whole", without=UNTUNED, having=WITH_STOP, stage="both"),
    Knob(name="static prefix first", without=FEELING_FIRST, having=TUNED, stage="stage2"),
    Knob(name="all cores over one thread", without=ONE_THREAD, having=TUNED, stage="both"),
)


def ablation(
    url: str,
    model: LanguageModel,
    texts: Sequence[str],
    with_threads: Callable[[int], LanguageModel],
) -> Section:
    """Measure each knob alone.

    Args:
        with_threads: returns the site's client with another num_thread.
    """
    who = model.identity()
    name = who.name
    tuning = current().config.inference
    bounds = (tuning.num_predict_short, tuning.num_predict_long)
    sides = [
        PlainApp(url, name),
        PlainApp(url, name, name=WITH_SCHEMA, schema=True),
        PlainApp(url, name, name=WITH_BOUND, bounds=bounds),
        PlainApp(url, name, name=WITH_STOP, stops_early=True),
        TunedSite(model),
        TunedSite(model, name=BY_SCHEMA, method=Method.SCHEMA),
        TunedSite(Altered(model, feeling_first), name=FEELING_FIRST),
        TunedSite(with_threads(1), name=ONE_THREAD),
    ]
    knobs = [*KNOBS]
    if who.engine != "embedded":
        # An embedded model's context never changes; to an Ollama it is another model each time.
        sides.append(TunedSite(Altered(model, changing_context(tuning.num_ctx)), name=CHANGING))
        knobs.append(Knob(name="num_ctx constant", without=CHANGING, having=TUNED, stage="both"))
    turns = take_turns(sides, texts)
    rows = {knob.name: _row(knob, turns) for knob in knobs}
    rows["connection kept, one-token call"] = connection_kept(url, name, len(texts))
    return Section(
        tables=(durations(turns), Table(title="each knob alone, median seconds", rows=rows)),
        notes=(f"{len(texts)} rounds; num_predict: {bounds[0]} and {bounds[1]} tokens",),
    )


def _row(knob: Knob, turns: Mapping[str, Sequence[Turn]]) -> dict[str, Any]:
    without, having = turns[knob.without], turns[knob.having]
    [found] = faster(without, having, (knob.stage,)).values()
    return {
        "of": knob.stage.replace("stage", "stage "),
        "without": statistics.median(getattr(turn, knob.stage) for turn in without),
        "with": statistics.median(getattr(turn, knob.stage) for turn in having),
        "times as fast": found,
    }


def feeling_first(request: Any) -> Any:
    """Return a conversation whose first words are those that differ each time."""
    if not isinstance(request, ChatRequest):
        return request
    (system, instructions), *turns, (_, words) = request.messages
    return replace(
        request,
        messages=(
            (system, f"{words}\n{instructions}"),
            *turns,
            ("user", "Answer for the feeling."),
        ),
    )


def changing_context(num_ctx: int) -> Callable[[Any], Any]:
    """Return what asks for another context size with each question."""
    numbers = count()
    return lambda request: with_options(request, {"num_ctx": num_ctx - next(numbers) % 2 * 1024})


def connection_kept(url: str, model: str, rounds: int) -> dict[str, Interval | float | str]:
    """Return the row of a pooled connection over one for each call.

    The call is the shortest there is: one token after a prompt that is in the server's cache.
    """
    body = {"model": model, "prompt": "Hello", "raw": True, "stream": False}
    body |= {"options": {"num_predict": 1, "temperature": 0}}
    place = f"{url}/api/generate"
    with httpx.Client(timeout=None) as pooled:
        headers = {"without": {"Connection": "close"}, "with": {}}
        seconds: dict[str, list[float]] = {name: [] for name in headers}
        for number in range(rounds + 1):
            for name in sorted(headers, reverse=bool(number % 2)):
                started = time.perf_counter()
                for _ in range(CALLS):
                    response = pooled.post(place, json=body, headers=headers[name])
                    response.raise_for_status()
                if number:  # the first round warms
                    seconds[name].append((time.perf_counter() - started) / CALLS)
    return {
        "of": "call",
        **{name: statistics.median(found) for name, found in seconds.items()},
        "times as fast": speed_up(seconds["without"], seconds["with"]),
    }


def client_with_threads(client: OllamaClient, threads: int) -> OllamaClient:
    """Return a client of the same host and model with another num_thread."""
    from enrichment import hosts

    how = replace(hosts.client_settings(current().config), num_thread=threads)
    return OllamaClient(client.base_url, how, model=client.identity().name)
