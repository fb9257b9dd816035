"""Untuned against tuned: warm against warm, which is the headline, and after an idle unload."""

import time
from collections.abc import Sequence

import httpx

from enrichment.inference.messages import LanguageModel
from tests.benchmarks.inference.report import Section, Table, at_least, durations, faster
from tests.benchmarks.inference.sides import Named, Side, TunedSite, Written, take_turns
from tests.benchmarks.inference.untuned import UNTUNED, WITH_EXAMPLE, PlainApp

GOALS = (("both stages", "both", 2.0), ("Stage 1", "stage 1", 5.0))
UNLOADED, KEPT, TUNED_UNLOADED = "untuned, unloaded", "tuned, kept loaded", "tuned, unloaded too"
UNLOAD_SECONDS = 30


def warm(url: str, model: LanguageModel, texts: Sequence[str]) -> Section:
    """Measure both sides with the model loaded and their prompts in the server's cache."""
    name = model.identity().name
    sides = (
        PlainApp(url, name),
        PlainApp(url, name, name=WITH_EXAMPLE, example=True),
        TunedSite(model),
    )
    turns = take_turns(sides, texts)
    found = {
        f"tuned over {side}": faster(turns[side], turns["tuned"])
        for side in (UNTUNED, WITH_EXAMPLE)
    }
    goals = [
        at_least(f"{name}, over {UNTUNED}", wanted, found[f"tuned over {UNTUNED}"][stage])
        for name, stage, wanted in GOALS
    ]
    return Section(
        tables=(durations(turns), Table(title="times as fast, warm against warm", rows=found)),
        goals=goals,
        notes=(
            f"{len(texts)} rounds; s per usable: all seconds by the rounds in which both"
            " stages were usable; cut: replies that ran into the bound",
        ),
    )


def after_unload(url: str, model: LanguageModel, texts: Sequence[str]) -> Section:
    """Measure what a pause of more than five minutes costs.

    Ollama unloads a model five minutes after the last call, unless the call said otherwise. The
    untuned side says nothing, so the model is unloaded before its turn. The tuned side asks for 30
    minutes (`keep_alive`), so after the same pause its model is there. It is unloaded all the same
    in a third row, as after a pause of half an hour, so that nobody takes the one for the other.
    The pause is not waited for: the model is unloaded by request. Its file stays in the page cache.
    """
    name = model.identity().name
    kept = TunedSite(model, name=KEPT)
    sides = (
        Unloaded(PlainApp(url, name, name=UNLOADED), url, name),
        kept,
        Unloaded(TunedSite(model, name=TUNED_UNLOADED), url, name),
    )
    turns = take_turns(sides, texts)
    rows = {
        "tuned kept loaded, over untuned unloaded": faster(turns[UNLOADED], turns[KEPT]),
        "both unloaded": faster(turns[UNLOADED], turns[TUNED_UNLOADED]),
        "keep_alive alone, of the tuned side": faster(turns[TUNED_UNLOADED], turns[KEPT]),
    }
    return Section(
        tables=(durations(turns), Table(title="times as fast", rows=rows)),
        notes=(
            f"{len(texts)} rounds; the first row is a pause of 5 to 30 minutes, the second a"
            " longer one",
        ),
    )


class Unloaded:
    """A side whose turn begins with the model out of memory."""

    def __init__(self, side: Side, url: str, model: str) -> None:
        self.name = side.name
        self._side = side
        self._url = url
        self._model = model

    def settle(self) -> None:
        unload(self._url, self._model)

    def stage1(self, text: str, number: int) -> Named:
        return self._side.stage1(text, number)

    def stage2(self, named: Named, number: int) -> Written:
        return self._side.stage2(named, number)


def unload(url: str, model: str) -> None:
    """Have the host let go of a model, and wait until it has."""
    with httpx.Client(base_url=url, timeout=UNLOAD_SECONDS, trust_env=False) as http:
        body = {"model": model, "keep_alive": 0}
        http.post("/api/generate", json=body).raise_for_status()
        ends_at = time.monotonic() + UNLOAD_SECONDS
        while any(entry["name"] == model for entry in http.get("/api/ps").json()["models"]):
            if time.monotonic() > ends_at:
                raise SystemExit(f"{url} does not let go of {model}")
            time.sleep(0.05)
