"""Very many submissions of one text at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from enrichment.stages.prompts import FEELING_ENDINGS
from tests.faults.chaos_site import chaos_folder
from tests.queues import Model
from tests.sites import running_site
from tests.standin import standin

TEXT = "We all feel grateful for the same thing today."
AT_ONCE = 16
DONE_SECONDS = 600


@dataclass(frozen=True)
class Crowd:
    """What came of it. inferences: by stage, how often the model was asked."""

    accepted: int
    complete: int
    different: int
    inferences: tuple[int, int]
    seconds: float


def prove(submissions: int) -> Crowd:
    """Submit a text so often before the model has answered once, and wait for all of them."""
    with chaos_folder() as folder, standin() as script:
        model = Model(script)
        model.let_through.clear()
        return _submit_all(folder, model, submissions)


def _submit_all(folder: Path, model: Model, submissions: int) -> Crowd:
    tuning = folder / "perf_config.json"
    tuning.write_text('{"inference": {"variants": 1}}')
    with (
        running_site(folder, OLLAMA_HOST=model.script.url, PERF_CONFIG=str(tuning)) as site,
        site.client("enrich:run", "enrich:read") as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def submit(_number: int) -> str:
            answer = client.post("/api/v1/reflections/", json={"text": TEXT})
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            return answer.headers["Location"]

        locations = list(pool.map(submit, range(submissions)))
        started = time.monotonic()
        model.let_through.set()
        waiting = locations
        while waiting and time.monotonic() < started + DONE_SECONDS:
            # The oldest are done first.
            if client.get(waiting[0]).json()["status"] == "complete":
                waiting = waiting[1:]
            else:
                time.sleep(0.05)
        seconds = time.monotonic() - started
        bodies = [client.get(location).json() for location in locations]
    results = {str((body["stage1"]["result"], body["stage2"]["result"])) for body in bodies}
    primary = [
        body
        for body in model.script.questions("/api/generate")
        if TEXT in body.get("prompt", "") and body["prompt"].endswith(FEELING_ENDINGS[0])
    ]
    # A worker's start asks for one token without a schema.
    writings = [body for body in model.script.questions("/api/chat") if "format" in body]
    return Crowd(
        accepted=len(locations),
        complete=submissions - len(waiting),
        different=len(results),
        inferences=(len(primary), len(writings)),
        seconds=seconds,
    )
