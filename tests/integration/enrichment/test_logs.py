"""What the log tells, and what it must not."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from enrichment import tasks, worker
from enrichment.models import Job
from perfsite.logs import logging_config
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

SECRET = "zyxgrobble and a grateful evening"


def submit(api: TokenMaker, text: str = SECRET) -> None:
    api("enrich:run").post("/api/v1/reflections/", {"text": text}, format="json")
    tasks.run_next_job()


def test_log_tells_misses_and_hits_without_the_text(api: TokenMaker, model: Script, caplog):
    """Each stage is a line with the key's first digits or the path, never the words."""
    caplog.set_level(logging.DEBUG)
    submit(api)
    submit(api)

    for line in (
        "[CACHE MISS] Stage 1: ",
        "[CACHE MISS] Stage 2: joyful > cheerful > grateful → generated & cached",
        "[CACHE HIT] Stage 1: ",
        "[CACHE HIT] Stage 2: joyful > cheerful > grateful → cached",
    ):
        assert line in caplog.text
    assert "zyxgrobble" not in caplog.text


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Reads what was logged, as a collector does; the site's own format."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    config = logging_config("json", "INFO")["formatters"]["lines"]
    handler.setFormatter(config.pop("()")(**config))
    ours = logging.getLogger("enrichment")
    ours.addHandler(handler)
    yield lambda: [json.loads(line) for line in told.getvalue().splitlines()]
    ours.removeHandler(handler)


def test_each_line_of_a_job_names_it_and_says_how_long_it_took(
    api: TokenMaker, model: Script, lines
):
    """Job, attempt and claim stand in every line; waiting, stages and the whole have their time.
    The line of the submission names the same job, and the request.
    """
    submit(api)

    queued, *told = lines()
    job = Job.objects.get()
    assert (queued["event"], queued["job"]) == ("[JOB] Queued", job.pk)
    assert queued["reflection"] == str(job.reflection_id)
    assert queued["request_id"]
    assert [line["event"].split("]")[0] for line in told] == [
        "[JOB", "[CACHE MISS", "[CACHE MISS", "[JOB",
    ]  # fmt: skip
    assert {(line["job"], line["attempt"], len(line["token"])) for line in told} == {(job.pk, 1, 8)}
    claimed, first, second, done = told
    assert [first["stage"], second["stage"]] == [1, 2]
    assert claimed["queue_ms"] >= 0
    assert done["run_ms"] >= first["run_ms"] >= 0


def test_line_of_a_failed_job_is_one_json_object_with_its_traceback_and_no_values(
    api: TokenMaker, monkeypatch, lines
):
    """A collector gets the traceback within the line; what a person wrote is not in it."""
    monkeypatch.setattr("enrichment.stages.lexicon.read", lambda _text: 1 / 0)
    submit(api)

    [failed] = [line for line in lines() if line["event"] == "[JOB] Failed"]
    assert "ZeroDivisionError" in failed["exception"]
    assert "zyxgrobble" not in json.dumps(lines())


def test_failing_job_logs_no_text(api: TokenMaker, monkeypatch, caplog):
    """A fault's traceback names places in the code, not what a person wrote."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("enrichment.stages.lexicon.read", lambda _text: 1 / 0)
    submit(api)

    assert "ZeroDivisionError" in caplog.text
    assert "zyxgrobble" not in caplog.text


def test_log_previews_the_text_only_where_that_is_switched_on(
    api: TokenMaker, model: Script, settings: Settings, caplog
):
    """LOG_PREVIEWS=1 shows the first 60 characters and no more."""
    caplog.set_level(logging.INFO)
    settings.LOG_PREVIEWS = True
    submit(api, "grateful " + "a" * 100)

    assert "Stage 1: grateful " + "a" * 51 + " →" in caplog.text


def test_worker_says_at_its_start_what_the_cache_holds(monkeypatch, caplog):
    """The two lines that operators look for."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(worker.threading.Thread, "start", lambda _thread: None)
    worker.start()

    assert "[PERF] Cache enabled: True" in caplog.text
    assert "[PERF] Cache entries: 0" in caplog.text
