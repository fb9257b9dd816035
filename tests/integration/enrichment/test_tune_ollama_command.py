"""manage.py tune_ollama, from outside."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from cachestats.config import current
from cachestats.config.current import forget
from cachestats.models import ConfigRevision
from cachestats.services import restore_revision, save_revision
from enrichment import hosts, tuning
from enrichment.inference.races import WORTH
from enrichment.models import HostState, Job, Reflection, TuningRun
from tests.sites import free_port
from tests.standin import WRITING, Answer, Script, as_json, feeling, written

pytestmark = pytest.mark.usefixtures("databases", "two_threads")

Options = dict[str, Any]
SETTINGS = [
    "num_thread", "num_batch", "num_predict_short", "num_predict_long", "num_ctx", "parallel",
]  # fmt: skip


@pytest.fixture
def two_threads(settings: Settings, tmp_path: Path) -> None:
    """Two threads in force, whatever machine the tests run on; one is always tried."""
    settings.PERF_CONFIG = tmp_path / "perf_config.json"
    settings.PERF_CONFIG.write_text('{"inference": {"num_threads": 2}}')


def taking(model: Script, seconds: Callable[[Options], float]) -> None:
    """Have the stand-in take its time, by the options of the question."""

    def slow(answer: Callable[[], Answer]) -> Callable[[dict[str, Any]], Answer]:
        def answered(body: dict[str, Any]) -> Answer:
            time.sleep(seconds(body["options"]))
            return answer()

        return answered

    model.generate = slow(lambda: feeling({"sad": -0.1}))
    model.chat = slow(lambda: written(json.dumps(WRITING)))


@pytest.fixture
def one_is_faster(model: Script) -> Script:
    """A model that is five times as fast with one thread as with any other number."""
    taking(model, lambda options: 0.002 if options["num_thread"] == 1 else 0.02)
    return model


@pytest.fixture
def threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only num_thread is looked at, for time."""
    whole = tuning.tuning.tune
    monkeypatch.setattr(
        "enrichment.tuning.tuning.tune",
        lambda *arguments, **options: islice(whole(*arguments, **options), 1),
    )


def tune(*arguments: str) -> None:
    call_command("tune_ollama", *arguments)


def findings(out: str) -> dict[str, dict[str, Any]]:
    return {found["knob"]: found for found in json.loads(out)["findings"]}


def test_faster_number_of_threads_is_found_and_put_in_force(
    one_is_faster: Script, threads_alone: None, capsys
):
    """Over a real socket; the revision holds that value alone, and calls go out with it."""
    save_revision({"caching": {"ttl_api": 7}}, None)
    tune("--budget", "60s", "--apply", "--json")

    told = capsys.readouterr()
    found = findings(told.out)["num_thread"]
    assert (found["verdict"], found["value"]) == ("better", 1)
    assert found["speed_up"]["low"] > WORTH
    assert json.loads(told.out)["changes"] == {"inference": {"num_threads": 1}}
    revision = ConfigRevision.objects.latest("number")
    assert revision.overlay == {"caching": {"ttl_api": 7}, "inference": {"num_threads": 1}}
    assert revision.reason.startswith("tune_ollama: num_thread 2 → 1, ")
    assert revision.author is None
    assert hosts.client_settings(current().config).num_thread == 1
    assert f"as revision {revision.number}" in told.err
    assert "Restore this revision" in told.err
    assert TuningRun.objects.get().revision == revision.number


def test_what_was_put_in_force_can_be_taken_back(
    one_is_faster: Script, threads_alone: None, capsys
):
    """The revision before, restored as the admin does, has the former number in force."""
    before = save_revision({}, None)
    tune("--budget", "60s", "--apply", "--json")
    assert hosts.client_settings(current().config).num_thread == 1

    restore_revision(before, None)
    assert hosts.client_settings(current().config).num_thread == 2


def test_without_apply_nothing_changes_and_the_evidence_is_kept(
    one_is_faster: Script, threads_alone: None, capsys
):
    """The table says what was found; the run is kept with what it would change."""
    tune("--budget", "60s")

    told = capsys.readouterr()
    assert "better 1" in told.out
    assert "in force" in told.out
    assert "--apply" in told.err
    assert not ConfigRevision.objects.exists()
    run = TuningRun.objects.get()
    assert run.changes == {"inference": {"num_threads": 1}}
    assert (run.model, run.digest, run.revision) == ("standin:1b", "a" * 64, None)


def test_nothing_better_saves_nothing(model: Script, threads_alone: None, capsys):
    """Where no option makes a difference --apply has nothing to save, and says so."""
    taking(model, lambda _options: 0.005)
    tune("--budget", "30s", "--apply", "--json")

    told = capsys.readouterr()
    assert json.loads(told.out)["revision"] is None
    assert "Nothing is shown to be better" in told.err
    assert not ConfigRevision.objects.exists()


def test_json_is_all_that_is_on_standard_output(model: Script, capsys):
    """A line for each setting goes to standard error, where nobody watches a bar."""
    tune("--budget", "1s", "--json")

    told = capsys.readouterr()
    assert list(findings(told.out)) == SETTINGS
    lines = [line.split(":")[0] for line in told.err.splitlines()]
    assert [line for line in lines if line != "Warning"][: len(SETTINGS)] == SETTINGS


def test_time_is_kept(model: Script, capsys):
    """With calls of 0.2 seconds, a budget of one second is over by little more than one."""
    taking(model, lambda _options: 0.2)
    tune("--budget", "1s", "--json")

    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert sum(len(model.questions(path)) for path in ("/api/generate", "/api/chat")) <= 8
    assert {found["verdict"] for found in told["findings"]} <= {"undecided", "kept"}
    assert "a longer --budget may tell" in captured.err


@pytest.mark.parametrize("budget", ["5", "m", "", "-5m", "0s", "5 m", "2d"])
def test_wrong_budget_is_refused(model: Script, budget: str):
    """The message names the option and what is accepted; nothing is asked."""
    with pytest.raises(CommandError, match=r"--budget .*90s, 5m or 1h") as failure:
        tune(f"--budget={budget}")
    assert failure.value.returncode == 2
    assert not model.asked


def test_without_a_model_it_refuses():
    """In one sentence, and no run is kept."""
    with pytest.raises(CommandError, match="No model answers: nothing answers at") as failure:
        tune("--budget", "5s")
    assert failure.value.returncode == 1
    assert not TuningRun.objects.exists()


def test_model_that_fails_is_refused(model: Script):
    """It lists its models, and then answers with an error: that is no reason to tune."""
    model.chat = lambda _body: as_json({"error": "out of memory"}, 500)
    with pytest.raises(CommandError, match="No model answers as it should"):
        tune("--budget", "5s")


def test_measuring_is_no_ordinary_question(model: Script, capsys):
    """What fails there keeps nobody from the host."""
    model.chat = lambda _body: as_json({"error": "out of memory"}, 500)
    for _ in range(6):
        with pytest.raises(CommandError):
            tune("--budget", "5s")
    assert not HostState.objects.exists()


def test_work_that_waits_is_warned_of(model: Script, capsys):
    """Workers share the model with the measuring."""
    now = timezone.now()
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=now)
    Job.objects.create(reflection=reflection, available_at=now)
    tune("--budget", "1s", "--json")

    told = capsys.readouterr()
    assert "Warning: Reflections wait" in told.err
    assert any("Reflections wait" in warning for warning in json.loads(told.out)["warnings"])


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes after the first setting."""
    whole = tuning.tuning.tune

    def cut(*arguments: Any, **options: Any) -> Iterator[Any]:
        yield next(whole(*arguments, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr("enrichment.tuning.tuning.tune", cut)


def test_interrupt_tells_what_is_known_and_changes_nothing(
    one_is_faster: Script, interrupted: None, capsys
):
    """Even with --apply: who interrupts has not agreed to anything."""
    tune("--budget", "60s", "--apply", "--json")

    told = capsys.readouterr()
    assert list(findings(told.out)) == ["num_thread"]
    assert json.loads(told.out)["ended"] == "interrupted"
    assert "Interrupted: nothing was changed." in told.err
    assert not ConfigRevision.objects.exists()


@pytest.fixture
def changed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else saves another number of threads while it is measured."""
    whole = tuning.measure

    def measure(*arguments: Any, **options: Any) -> tuning.Tuning:
        tuned = whole(*arguments, **options)
        save_revision({"inference": {"num_threads": 3}}, None)
        return tuned

    monkeypatch.setattr("enrichment.tuning.measure", measure)


@pytest.mark.parametrize("as_json", [False, True])
def test_what_was_measured_is_kept_when_it_cannot_be_applied(
    one_is_faster: Script, threads_alone: None, changed_meanwhile: None, as_json: bool, capsys
):
    """It took minutes: it is shown and kept, and then the command fails and says why."""
    with pytest.raises(CommandError, match="Nothing was put in force: the configuration was chang"):
        tune("--budget", "60s", "--apply", *["--json"] * as_json)

    out = capsys.readouterr().out
    assert findings(out)["num_thread"]["value"] == 1 if as_json else "better 1" in out
    run = TuningRun.objects.get()
    assert (run.changes, run.revision) == ({"inference": {"num_threads": 1}}, None)
    assert ConfigRevision.objects.latest("number").overlay == {"inference": {"num_threads": 3}}


def broken(*_anything: object) -> None:
    raise OperationalError("disk I/O error")


def test_what_was_measured_is_kept_when_the_revision_cannot_be_saved(
    one_is_faster: Script, threads_alone: None, monkeypatch: pytest.MonkeyPatch, capsys
):
    """A database that fails at that moment is told of, and takes the evidence if it can."""
    monkeypatch.setattr("enrichment.tuning.change_config", broken)
    with pytest.raises(CommandError, match="Nothing was put in force: disk I/O error"):
        tune("--budget", "60s", "--apply")

    assert "better 1" in capsys.readouterr().out
    assert TuningRun.objects.get().revision is None


def test_run_that_cannot_be_kept_does_not_hide_that_it_is_in_force(
    one_is_faster: Script, threads_alone: None, monkeypatch: pytest.MonkeyPatch, capsys
):
    """The revision is saved by then: it is told, and so is what failed."""
    monkeypatch.setattr("enrichment.tuning.keep", broken)
    with pytest.raises(CommandError, match="could not be kept among the tuning runs: disk I/O err"):
        tune("--budget", "60s", "--apply")

    told = capsys.readouterr()
    assert "better 1" in told.out
    assert f"as revision {ConfigRevision.objects.get().number}" in told.err


@pytest.mark.parametrize("during", ["apply", "keep"])
def test_interrupt_after_the_measuring_does_not_say_that_nothing_was_changed(
    one_is_faster: Script,
    threads_alone: None,
    monkeypatch: pytest.MonkeyPatch,
    during: str,
    capsys,
):
    """The revision may be saved by then: where to look is told."""

    def interrupted(*_anything: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"enrichment.tuning.{during}", interrupted)
    with pytest.raises(CommandError, match="Interrupted after the measuring") as failure:
        tune("--budget", "60s", "--apply")

    assert failure.value.returncode == 130
    told = capsys.readouterr()
    assert "nothing was changed" not in f"{failure.value}{told.err}".lower()
    assert "better 1" in told.out


def test_first_host_that_answers_is_measured_and_named(
    model: Script, threads_alone: None, settings: Settings, capsys
):
    """One that is away is no reason to give up; that the others are not measured is told."""
    away = f"http://127.0.0.1:{free_port()}"
    settings.OLLAMA_HOST = f"{away},{model.url},{away}"
    tune("--budget", "1s", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["host"] == model.url
    assert any(
        f"{model.url} alone is measured" in warning and "holds for all" in warning
        for warning in told["warnings"]
    )


def test_one_host_is_not_warned_of(model: Script, threads_alone: None, capsys):
    """There is no other that the result could be wrong for."""
    tune("--budget", "1s")
    assert "alone is measured" not in capsys.readouterr().err


def test_all_hosts_that_do_not_answer_are_named(settings: Settings):
    """Each with what is wrong with it."""
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    settings.OLLAMA_HOST = ",".join(urls)
    with pytest.raises(CommandError, match=f"{urls[0]}; nothing answers at {urls[1]}"):
        tune("--budget", "5s")


@pytest.fixture
def embedded(model: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    """A stand-in that says it is the embedded model."""
    whole = model.answer

    def answer(path: str, body: dict[str, Any]) -> Answer:
        status, content = whole(path, body)
        if path == "/api/tags":
            listed = json.loads(content)
            listed["models"][0]["engine"] = "embedded"
            return as_json(listed)
        return status, content

    monkeypatch.setattr(model, "answer", answer)
    return model


def test_embedded_model_is_not_asked_for_options_that_it_does_not_have(embedded: Script, capsys):
    """It ignores them, so that a difference would be noise."""
    tune("--budget", "60s", "--json")

    found = findings(capsys.readouterr().out)
    for knob in ("num_batch", "num_ctx"):
        assert found[knob]["verdict"] == "kept"
        assert found[knob]["why"] == "the embedded model has no such option"
    sent = [body["options"] for path, body in embedded.asked if "options" in body]
    assert {options["num_thread"] for options in sent} > {2}
    assert not any("num_batch" in options for options in sent)
    assert len({options["num_ctx"] for options in sent}) == 1


def test_configuration_that_changed_meanwhile_is_not_overruled(
    one_is_faster: Script, threads_alone: None
):
    """What was measured against is not in force any more, so the result says nothing of it."""
    tuned = tuning.measure(60)
    save_revision({"inference": {"num_threads": 3}}, None)
    with pytest.raises(tuning.ChangedMeanwhile):
        tuning.apply(tuned)
    assert ConfigRevision.objects.latest("number").overlay["inference"]["num_threads"] == 3


def test_reason_fits_a_revision(one_is_faster: Script, threads_alone: None):
    """However much is better at once, the reason names it in 200 characters."""
    tuned = tuning.measure(60)
    assert re.fullmatch(
        r"tune_ollama: num_thread 2 → 1, \d+\.\d\d x \(\d+\.\d\d to \d+\.\d\d\)",
        tuning.reason(tuned),
    )
    many = replace(tuned, findings=tuned.findings * 9)
    assert len(tuning.reason(many)) == tuning.REASON_CHARACTERS
    assert tuning.reason(many).endswith("…")


def test_number_of_a_batch_goes_out_where_it_is_set(model: Script):
    """In force it is an option of each question; left alone the host is not told any."""
    hosts.get_client().clients[0].preload()
    save_revision({"inference": {"num_batch": 256}}, None)
    forget()
    hosts.get_client().clients[0].preload()

    first, second = (body["options"] for body in model.questions("/api/generate"))
    assert "num_batch" not in first
    assert second["num_batch"] == 256


def test_run_can_be_looked_at_in_the_admin(model: Script, admin_client):
    """And by nobody changed."""
    tune("--budget", "1s", "--json")
    run = TuningRun.objects.get()
    assert [found["knob"] for found in run.evidence["findings"]] == SETTINGS

    assert admin_client.get("/admin/enrichment/tuningrun/").status_code == 200
    page = admin_client.get(f"/admin/enrichment/tuningrun/{run.pk}/change/")
    assert "num_thread" in page.content.decode()
    assert admin_client.get("/admin/enrichment/tuningrun/add/").status_code == 403


@pytest.mark.engine
def test_embedded_model_is_measured_in_time(engine_url: str, settings: Settings, capsys):
    """A real model: the table is whole and bounded, and what wins has held the gates."""
    settings.OLLAMA_HOST = engine_url
    tune("--budget", "5s", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["engine"] == "embedded"
    assert [found["knob"] for found in told["findings"]] == SETTINGS
    for found in told["findings"]:
        assert found["verdict"] in {"kept", "better", "advised", "undecided", "refused"}
        gates = {one["value"]: one["gate"] for one in found["candidates"]}
        if found["verdict"] == "better" and found["candidates"]:
            assert gates[found["value"]] == "held"
