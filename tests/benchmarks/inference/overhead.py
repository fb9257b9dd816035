"""What the client adds to a bare httpx call, at a server that answers at once.

Both send the same body over a kept connection and read the whole answer. Bare is a call of
`httpx.Client.post` that does not look at what came; ours checks it and puts it together. They take
turns in small slices. Two rows more tell what a new connection for each call costs, and what
`httpx.post` does, which makes a new client each time.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from cachestats.config import current
from enrichment import hosts
from enrichment.inference.exchange import Exchange, Question
from enrichment.inference.intervals import speed_up
from enrichment.inference.messages import ChatRequest, GenerateRequest
from enrichment.inference.ollama import OllamaClient
from tests.benchmarks.inference.instant_server import MODEL
from tests.benchmarks.inference.report import Cell, Section, Table, at_most
from tests.engines import ROOT

AT_MOST = 1.3
SLICE = 25
WARMING = 1
GENERATE = GenerateRequest(
    prompt="How does the writer feel? The writer feels",
    raw=True,
    options={"num_predict": 1, "temperature": 0},
    top_logprobs=20,
)
CHAT = ChatRequest(
    messages=(("system", "You write short texts."), ("user", "Feeling: calm.")),
    options={"num_predict": 160, "temperature": 0.3, "seed": 0},
)


@contextmanager
def instant_server() -> Iterator[str]:
    """A server that answers at once, in a process of its own; its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.inference.instant_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def overhead(slices: int) -> Section:
    """Measure so many slices of each kind of call."""
    with instant_server() as url:
        how = hosts.client_settings(current().config)
        exchange = Exchange(base_url=url, settings=how, model=MODEL)
        with OllamaClient(url, how, model=MODEL) as ours, httpx.Client(trust_env=False) as bare:
            who = ours.identity()
            generate, chat = exchange.generate(GENERATE, who), exchange.chat(CHAT, who)
            found = {
                "generate": _slices(
                    slices,
                    bare=posting(bare.post, url, generate),
                    ours=lambda: ours.generate(GENERATE),
                ),
                "chat": _slices(
                    slices,
                    bare=posting(bare.post, url, chat),
                    ours=lambda: ours.chat(CHAT),
                    **{
                        "bare, a connection each": posting(
                            bare.post, url, chat, {"Connection": "close"}
                        ),
                        "bare, httpx.post": posting(httpx.post, url, chat),
                    },
                ),
            }
    rows: dict[str, dict[str, Cell]] = {}
    goals = []
    for kind, seconds in found.items():
        for name, medians in seconds.items():
            ratio = speed_up(medians, seconds["bare"])
            rows[f"{kind}, {name}"] = {"us": statistics.median(medians) * 1e6, "over bare": ratio}
        goals.append(
            at_most(f"{kind} over bare httpx", AT_MOST, speed_up(seconds["ours"], seconds["bare"]))
        )
    return Section(
        tables=(Table(title="microseconds a call", rows=rows),),
        goals=goals,
        notes=(f"{slices} slices of {SLICE} calls; chat answers in 61 lines, generate in two",),
    )


def posting(
    post: Callable[..., httpx.Response],
    base_url: str,
    question: Question,
    headers: Mapping[str, str] | None = None,
) -> Callable[[], Any]:
    """Return what sends a question with no more than httpx."""
    url = f"{base_url}{question.path}"
    return lambda: post(url, json=question.body, headers=headers).raise_for_status()


def _slices(slices: int, **calls: Callable[[], Any]) -> dict[str, list[float]]:
    """Return each call's median of each slice in seconds; another one is first in each."""
    medians: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(WARMING + slices):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            times = [_seconds(calls[name]) for _ in range(SLICE)]
            if number >= WARMING:
                medians[name].append(statistics.median(times))
    return medians


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
