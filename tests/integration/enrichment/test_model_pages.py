"""The pages of models: hosts, speed, and tuning that is applied and taken back."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from cachestats.config import current
from cachestats.config_reports import history
from cachestats.services import change_config
from enrichment import host_looks, tuning
from enrichment.models import HostState, InferenceCall, TuningRun
from tests.people import sign_in
from tests.standin import MODEL, Script

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture(autouse=True)
def unseen() -> Iterator[None]:
    """No host was looked at yet."""
    host_looks.forget()
    yield
    host_looks.forget()


@pytest.fixture
def viewer() -> Client:
    return sign_in("view_inferencecall", name="vera")


@pytest.fixture
def chief() -> Client:
    return sign_in("view_inferencecall", "add_configrevision")


@pytest.fixture
def run() -> TuningRun:
    """A run that showed one value to be better than what is in force."""
    setting = tuning.setting_of(current().config)
    evidence = {
        "ended": "complete",
        "in_force": asdict(setting),
        "warnings": [],
        "findings": [
            {"knob": "num_ctx", "now": setting.num_ctx, "verdict": "better", "why": "faster"}
        ],
        "changes": {"inference": {"num_ctx": 2048}},
    }
    return TuningRun.objects.create(
        host="http://here:1", model="m", budget_seconds=60, evidence=evidence
    )


@contextmanager
def silent_host() -> Iterator[str]:
    """Have a host that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("path", ["", "tokens.csv", "tuning/1/"])
def test_page_of_models_needs_a_sign_in_and_a_permission(client: Client, person: User, path: str):
    """Strangers are sent to the login; who has not the permission is refused."""
    stranger = client.get(f"/models/{path}")
    client.force_login(person)

    assert stranger.status_code == 302
    assert client.get(f"/models/{path}").status_code == 403


def test_host_that_answers_shows_its_version_and_models(viewer: Client, model: Script):
    """What it has on its disk, and what is loaded."""
    page = viewer.get("/models/")
    (host,) = page.context["hosts"]

    assert (host.state, host.version) == ("answers", "0.33.0")
    assert [held.name for held in host.installed] == [MODEL]
    assert [held.name for held in host.loaded] == [MODEL]
    assert host.last_seen


def test_host_that_says_nothing_keeps_no_page_waiting(viewer: Client, settings: Settings):
    """What is known is shown at once, and the rest later."""
    with silent_host() as url:
        settings.OLLAMA_HOST = url
        viewer.get("/login/")
        started = time.perf_counter()
        page = viewer.get("/models/")
        took = time.perf_counter() - started
        (host,) = page.context["hosts"]
        host_looks.forget()

    assert host.state == "unknown"
    assert took < host_looks.FIRST_WAIT_SECONDS + 1.5


def test_host_that_is_given_up_says_why_and_since_when(viewer: Client, settings: Settings):
    """The breaker's state in plain words."""
    settings.OLLAMA_HOST = "http://127.0.0.1:9"
    HostState.objects.create(
        url="http://127.0.0.1:9",
        failures=7,
        last_error="HostUnreachable",
        opened_at=timezone.now(),
    )

    page = viewer.get("/models/").content.decode()

    assert "given up for now" in page
    assert "It failed 7 times in a row" in page


def test_speed_is_a_picture_and_a_file(viewer: Client, model: Script):
    """Both have the same numbers, by host."""
    InferenceCall.objects.create(
        at=timezone.now(),
        host="http://here:1",
        model="m",
        kind="chat",
        elapsed_ms=2100,
        queue_ms=100,
        load_ms=0,
        prompt_ms=0,
        generation_ms=2000,
        prompt_tokens=9,
        generated_tokens=41,
        attempts=1,
    )

    picture = viewer.get("/models/?range=1h").context["picture"]
    rows = viewer.get("/models/tokens.csv?range=1h").content.decode().splitlines()

    (series,) = picture.series
    assert series.label == "here:1"
    assert rows[0] == "Time (UTC),here:1 (per second)"
    assert [row.partition(",")[2] for row in rows[1:]] == [
        "" if value is None else str(value) for value in series.values
    ]
    assert any(series.values)


def test_viewer_can_not_apply(viewer: Client, run: TuningRun):
    """Who may only look has no button, and a request made by hand changes nothing."""
    page = viewer.get(f"/models/tuning/{run.pk}/")
    answers = [viewer.post(f"/models/tuning/{run.pk}/{act}/") for act in ("apply", "restore")]

    assert "Apply" not in page.content.decode()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert current().config.inference.num_ctx != 2048


def test_run_is_applied_and_the_history_has_who_and_why(chief: Client, run: TuningRun):
    """As `tune_ollama --apply` does, with a name."""
    answer = chief.post(f"/models/tuning/{run.pk}/apply/", {"why": "Quiet week"}, follow=True)

    (kept,), _ = history(1)
    assert current().config.inference.num_ctx == 2048
    assert (kept.author, kept.reason) == ("olga", f"Tuning run {run.pk}: Quiet week")
    assert f"as revision {kept.number}" in answer.content.decode()
    assert "Take it back" in answer.content.decode()


def test_run_is_not_applied_over_what_it_did_not_measure(chief: Client, run: TuningRun):
    """The evidence holds for what was in force then."""
    change_config({"inference": {"num_ctx": 1024}}, None)

    answer = chief.post(f"/models/tuning/{run.pk}/apply/", follow=True)

    assert "Nothing was changed" in answer.content.decode()
    assert current().config.inference.num_ctx == 1024


def test_run_is_applied_once(chief: Client, run: TuningRun):
    """A second click changes nothing."""
    for _ in range(2):
        answer = chief.post(f"/models/tuning/{run.pk}/apply/", follow=True)

    assert "put in force already" in answer.content.decode()
    assert len(history(9)[0]) == 1


def test_run_is_taken_back_and_other_changes_stay(chief: Client, run: TuningRun):
    """What it changed is as before; what was changed since beside it is kept."""
    before = current().config.inference.num_ctx
    chief.post(f"/models/tuning/{run.pk}/apply/")
    change_config({"caching": {"ttl_api": 7}}, None)

    chief.post(f"/models/tuning/{run.pk}/restore/")

    assert current().config.inference.num_ctx == before
    assert current().config.caching.ttl_api == 7
    assert history(1)[0][0].reason == f"Takes back tuning run {run.pk}"


def test_run_is_not_taken_back_over_somebody_elses_change(chief: Client, run: TuningRun):
    """Who changed the same value since has the last word."""
    chief.post(f"/models/tuning/{run.pk}/apply/")
    change_config({"inference": {"num_ctx": 1024}}, None)

    answer = chief.post(f"/models/tuning/{run.pk}/restore/", follow=True)

    assert "Nothing was changed" in answer.content.decode()
    assert current().config.inference.num_ctx == 1024


def test_page_of_models_makes_few_queries(
    chief: Client,
    run: TuningRun,
    model: Script,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    """However many hosts and runs there are."""
    for path in ("/models/?range=30d", f"/models/tuning/{run.pk}/"):
        with django_assert_max_num_queries(15):
            assert chief.get(path).status_code == 200
