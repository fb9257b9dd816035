"""What the log tells, and what it must not."""

import logging

import pytest
from pytest_django import Settings

from enrichment import tasks, worker
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

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
