"""manage.py warm_cache: what was lost and what a file holds, made before anybody asks."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cachestats.cache import get_cache, make_cache
from cachestats.config.current import forget as forget_config
from cachestats.models import CacheEntry, EntryUse, LookupBatch
from cachestats.services import PurgeFilter, evict, sweep
from enrichment import forgetting, hosts, jobs, services, tasks, warm_ups, warming
from enrichment.models import Job, Reflection, WarmUp, WarmUpEntry
from enrichment.models.jobs import Priority
from enrichment.stages.prompts import FEELING_ENDINGS
from enrichment.text_files import read_texts
from enrichment.warming_plans import plan_texts
from tests.conftest import TokenMaker
from tests.standin import Script, as_json, feeling, standin

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

URL = "/api/v1/reflections/"
SCOPES = ("enrich:run", "enrich:read")
GRATEFUL = "I'm feeling grateful for my sister today"
# The same feeling, so that its Stage 2 is the same.
AGAIN = "I was so grateful to see my sister again"
FEELING, WRITTEN = "stage1_enrichment", "stage2_enrichment"
GENERATE, CHAT = "/api/generate", "/api/chat"
# How often the model is asked for one feeling.
QUESTIONS = len(FEELING_ENDINGS) + 1


@pytest.fixture
def texts(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of texts, a text a line."""

    def write(*lines: str, name: str = "texts.txt") -> str:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    return write


@pytest.fixture
def run(capsys) -> Callable[..., dict]:
    """Runs the command and returns its JSON, which stands alone on the standard output."""

    def warm(*arguments: str) -> dict:
        capsys.readouterr()
        call_command("warm_cache", *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return warm


def submit(client, text: str, times: int = 1, **fields) -> list[int]:
    """Submit a text so often, with a worker at hand; return the status of each answer."""
    codes = []
    for _ in range(times):
        codes.append(client.post(URL, {"text": text, **fields}, format="json").status_code)
        while job := jobs.claim():
            services.run_job(job)
    get_cache().flush()
    return codes


def lose() -> None:
    """Have the time of all entries be over, as a sweep then finds."""
    get_cache().flush()
    CacheEntry.objects.update(expires_ms=1)
    EntryUse.objects.update(expires_ms=1)


def keys(cache_type: str) -> set[str]:
    return {entry.key for entry in CacheEntry.objects.filter(cache_type=cache_type)}


def counted(state: str) -> int:
    get_cache().flush()
    return sum(batch.count for batch in LookupBatch.objects.filter(state=state))


def asked_about(model: Script, text: str) -> int:
    return sum(text in body["prompt"] for body in model.questions(GENERATE))


def somebody_waits() -> Job:
    """Have a person's reflection wait in the queue."""
    text, now = "I cried all day", timezone.now()
    reflection = Reflection.objects.create(text=text, key_scope="site", timestamp=now)
    return jobs.create(reflection, priority=Priority.BULK)


# What was lost


def test_lost_answers_are_there_again(api: TokenMaker, model: Script, run):
    """Both stages of what expired are computed under their keys, and the next submission hits."""
    client = api(*SCOPES)
    submit(client, GRATEFUL, 3)
    before = keys(FEELING) | keys(WRITTEN)
    lose()
    sweep()
    assert not CacheEntry.objects.exists()

    warmed = run()

    assert keys(FEELING) | keys(WRITTEN) == before
    assert (warmed["ended"], warmed["computed"], warmed["predicted_hits"]) == ("done", 2, 4)
    asked = len(model.asked)
    assert submit(client, GRATEFUL) == [200]
    assert len(model.asked) == asked


def test_expired_answers_are_found_before_any_sweep(api: TokenMaker, model: Script, run):
    """Where no worker runs, nobody else looks for them."""
    submit(api(*SCOPES), GRATEFUL, 2)
    lose()

    assert run()["computed"] == 2


def test_evicted_answers_are_computed_again(api: TokenMaker, model: Script, run):
    """Those too that went because the cache was full."""
    submit(api(*SCOPES), GRATEFUL, 2)
    evict(0)
    assert set(EntryUse.objects.values_list("gone", flat=True)) == {"evicted"}

    assert run()["computed"] == 2


def test_most_valuable_is_computed_first(api: TokenMaker, model: Script, run):
    """A limit takes those whose hits saved most, in that order."""
    client = api(*SCOPES)
    for text, times in ((AGAIN, 2), (GRATEFUL, 6), ("I felt so glad and calm", 4)):
        submit(client, text, times)
    CacheEntry.objects.update(cost_ms=100)
    EntryUse.objects.update(cost_ms=100)
    EntryUse.objects.filter(cache_type=WRITTEN).update(hits=0)
    lose()
    model.asked.clear()

    warmed = run("--limit", "2")

    first, second = model.questions(GENERATE)[0], model.questions(GENERATE)[-1]
    assert GRATEFUL in first["prompt"]
    assert "glad and calm" in second["prompt"]
    assert (warmed["computed"], warmed["predicted_hits"]) == (2, 5 + 3)
    assert (warmed["ended"], warmed["wanted"]) == ("done", 2)
    assert asked_about(model, AGAIN) == 0
    assert not CacheEntry.objects.filter(cache_type=WRITTEN).exists()


def test_scope_is_kept(api: TokenMaker, model: Script, run):
    """What one owner's reflection had is computed for that owner, and misses for another."""
    ada = api(*SCOPES, owner="ada", name="ada")
    submit(ada, GRATEFUL, 2)
    lose()
    run()

    assert submit(ada, GRATEFUL) == [200]
    asked = asked_about(model, GRATEFUL)
    assert submit(api(*SCOPES, owner="bob", name="bob"), GRATEFUL) == [202]
    assert asked_about(model, GRATEFUL) == asked + QUESTIONS


def test_purged_and_forgotten_answers_stay_away(api: TokenMaker, model: Script, run):
    """Somebody wanted them gone."""
    client = api(*SCOPES)
    submit(client, GRATEFUL, 2)
    submit(client, AGAIN, 2)
    for reflection in Reflection.objects.filter(text=AGAIN):
        forgetting.forget(reflection)
    get_cache().purge(PurgeFilter(all=True), "test")
    model.asked.clear()

    warmed = run()

    assert (warmed["computed"], warmed["wanted"]) == (0, 0)
    assert not CacheEntry.objects.exists()
    assert not model.questions(GENERATE)


def test_answers_nobody_can_compute_again_are_counted(api: TokenMaker, model: Script, run, texts):
    """A file's texts are not kept, so once lost they are known by a hash alone."""
    run(texts(GRATEFUL))
    EntryUse.objects.update(hits=5)
    lose()

    assert (run()["computed"], run()["skipped"]) == (0, 2)


def test_lost_answers_are_computed_under_the_tuning_in_force(
    api: TokenMaker, model: Script, run, settings: Settings
):
    """A key of before would never be asked for again; what is live under today's is left."""
    client = api(*SCOPES)
    submit(client, GRATEFUL, 2)
    submit(client, AGAIN, 2)
    lose()
    sweep()
    before = set(EntryUse.objects.values_list("id", flat=True))
    settings.PERF_CONFIG.write_text(
        '{"inference": {"variants": 1}, "scoring": {"confidence_offset": 0.01}}'
    )
    forget_config()
    submit(client, AGAIN)

    warmed = run()

    assert (warmed["wanted"], warmed["computed"], warmed["already_there"]) == (1, 1, 1)
    assert not before & {e.id for e in CacheEntry.objects.filter(cache_type=FEELING)}
    assert submit(client, GRATEFUL) == [200]


def test_variant_that_is_not_given_any_more_is_left(
    api: TokenMaker, model: Script, run, settings: Settings
):
    """Of a feeling's texts those are computed whose number is in force."""
    settings.PERF_CONFIG.write_text('{"inference": {"variants": 3}}')
    forget_config()
    submit(api(*SCOPES), GRATEFUL, 7)
    EntryUse.objects.filter(cache_type=FEELING).update(hits=0)
    lose()
    settings.PERF_CONFIG.write_text('{"inference": {"variants": 2}}')
    forget_config()
    model.asked.clear()

    warmed = run()

    assert (warmed["computed"], warmed["skipped"]) == (2, 1)
    assert sorted(body["options"]["seed"] for body in model.questions(CHAT)) == [0, 1000]


# A file


def test_files_texts_are_computed_once_each(api: TokenMaker, model: Script, run, texts):
    """Both stages, for the site's own web app; what stands twice is expected to be hit twice."""
    file = texts(GRATEFUL, AGAIN, f"  {GRATEFUL} ", "")

    warmed = run(file)

    assert asked_about(model, GRATEFUL) == QUESTIONS
    # Both are the same feeling here, which is written for once.
    assert len(model.questions(CHAT)) == 1
    assert {name: warmed[name] for name in ("source", "ended", "wanted", "done", "computed")} == {
        "source": "file",
        "ended": "done",
        "wanted": 2,
        "done": 2,
        "computed": 3,
    }
    assert (warmed["skipped"], warmed["predicted_hits"]) == (1, 2 + 1 + 3)
    assert counted("miss") == 3
    assert submit(api(*SCOPES), AGAIN) == [200]


def test_what_is_there_is_neither_computed_nor_counted(model: Script, run, texts):
    """A second run finds all of it, without a hit in the statistics."""
    file = texts(GRATEFUL, AGAIN)
    run(file)
    asked = len(model.questions(GENERATE))

    again = run(file)

    assert len(model.questions(GENERATE)) == asked
    assert (again["computed"], again["already_there"]) == (0, 3)
    assert counted("hit") == 0
    assert set(EntryUse.objects.values_list("hits", flat=True)) == {0}


def test_csv_column_is_read(model: Script, run, texts):
    """As `evaluate` reads its file."""
    assert run(texts("n,text", f'1,"{GRATEFUL}"', name="texts.CSV"))["computed"] == 2


def test_flagged_text_gets_no_writing(api: TokenMaker, model: Script, run, texts):
    """Who may be in danger gets a person's text; Stage 1 is computed as in the submission."""
    text = "I was so happy and grateful, and now I want to kill myself"

    assert run(texts(text))["computed"] == 1

    assert not model.questions(CHAT)
    assert submit(api(*SCOPES), text) == [200]


def test_limit_is_gone_on_from(model: Script, run, texts):
    """What is there takes nothing of the next run's limit."""
    lines = [f"{GRATEFUL} and friend {number}" for number in range(4)]
    file = texts(*lines)

    runs = [run(file, "--limit", "2") for _ in range(3)]

    told = [(warmed["ended"], warmed["done"], warmed["computed"]) for warmed in runs]
    assert told == [("limit", 1, 2), ("limit", 3, 2), ("done", 4, 1)]


def test_reply_that_is_no_answer_is_counted_and_the_run_goes_on(model: Script, run, texts):
    """It is not cached, and has no Stage 2."""
    model.generate = lambda body: (
        as_json({"response": "", "done": True})
        if GRATEFUL in body["prompt"]
        else feeling({"happy": -0.1})
    )

    warmed = run(texts(GRATEFUL, AGAIN))

    assert (warmed["failed"], warmed["computed"], warmed["ended"]) == (1, 2, "done")
    assert len(keys(FEELING)) == 1


def test_several_at_a_time_compute_each_key_once(model: Script, run, texts):
    """However many threads there are; and they do work at the same time."""
    together = threading.Barrier(4, timeout=20)
    lines = [f"{GRATEFUL} and friend {number}" for number in range(8)]
    plain, met = model.generate, []

    def generate(body):
        if len(met) < 4:
            met.append(body)
            together.wait()
        return plain(body)

    model.generate = generate
    warmed = run(texts(*lines, *lines), "--concurrency", "4")

    assert warmed["computed"] == 9
    assert warmed["predicted_hits"] == 16 + 16
    assert len(model.questions(CHAT)) == 1
    assert len(model.questions(GENERATE)) == 8 * QUESTIONS
    assert warmed["failed"] == 0


# Behind what people wait for


def test_nothing_is_asked_while_somebody_waits(model: Script, run, texts, capsys):
    """The run ends in good order, for another time."""
    somebody_waits()

    assert run(texts(GRATEFUL))["ended"] == "people"
    assert not model.questions(GENERATE)

    call_command("warm_cache", texts(GRATEFUL))
    assert "Stopped: somebody waits for the model; 0 of 1 texts done." in capsys.readouterr().out


def test_who_comes_in_the_middle_of_an_inference_is_made_room(model: Script, run, texts):
    """What is asked is broken off at once, however long it would take; what was done stays."""
    let_through = threading.Event()
    plain = model.generate

    def generate(body):
        if AGAIN in body["prompt"]:
            if not Job.objects.exists():
                somebody_waits()
            connections.close_all()
            let_through.wait(60)
        return plain(body)

    model.generate = generate
    began = time.monotonic()
    warmed = run(texts(GRATEFUL, AGAIN, "I cried"))
    took = time.monotonic() - began
    let_through.set()

    assert took < 30
    assert {name: warmed[name] for name in ("ended", "done", "wanted", "computed")} == {
        "ended": "people",
        "done": 1,
        "wanted": 3,
        "computed": 2,
    }
    assert len(keys(FEELING)) == 1
    # It is free for whoever comes next.
    Job.objects.all().delete()
    model.generate = plain
    assert run(texts(AGAIN))["computed"] == 1


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """The signal is as a terminal has it; a job in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_everything_whole(model: Script, run, texts):
    """What was done stays and is told of; nothing is left half."""
    let_through, pressed = threading.Event(), threading.Lock()
    plain = model.generate

    def generate(body):
        if AGAIN in body["prompt"]:
            # Once: who asks again would end the tests.
            if pressed.acquire(blocking=False):
                os.kill(os.getpid(), signal.SIGINT)
            let_through.wait(60)
        return plain(body)

    model.generate = generate
    with pytest.raises(CommandError) as stopped:
        call_command("warm_cache", texts(GRATEFUL, AGAIN))
    let_through.set()

    assert stopped.value.returncode == 130
    assert "1 of 2 texts done" in str(stopped.value)
    row = WarmUp.objects.get()
    assert (row.ended, row.computed, row.entries.count()) == ("interrupted", 2, 2)
    model.generate = plain
    assert run(texts(GRATEFUL, AGAIN))["computed"] == 1


# What came of it


def test_realised_hits_are_told_beside_the_predicted(
    api: TokenMaker, model: Script, run, texts, capsys
):
    """Each hit of a run's entries counts, of all who use them; those of a later life do not."""
    client = api(*SCOPES)
    submit(client, GRATEFUL, 4)
    lose()
    with time_machine.travel("2026-11-20T10:00:00Z", tick=True):
        make_cache.cache_clear()
        assert run()["predicted_hits"] == 6
    submit(client, GRATEFUL, 2)
    submit(client, AGAIN)

    def told() -> str:
        capsys.readouterr()
        call_command("warm_cache", "--results")
        return capsys.readouterr().out.strip()

    # AGAIN hit the one for their feeling too.
    assert told() == "2026-11-20: 2 entries, 6 hits predicted, 5 so far"
    [run_told] = run("--results")["runs"]
    assert (run_told["predicted_hits"], run_told["realised_hits"]) == (6, 5)
    lose()
    submit(client, GRATEFUL, 4)
    assert told().endswith("0 so far")


def test_each_run_begins_with_what_came_of_earlier_ones(model: Script, texts, capsys):
    """The newest last; a run that computed nothing is not among them."""
    file = texts(GRATEFUL)
    call_command("warm_cache", file)
    call_command("warm_cache", file)
    capsys.readouterr()
    call_command("warm_cache", texts(AGAIN))

    [earlier, now] = capsys.readouterr().out.strip().split("\n")
    assert earlier.endswith("2 entries, 2 hits predicted, 0 so far")
    assert now == "1 entries computed, 1 already there; 1 hits predicted."


def test_forgotten_reflection_leaves_no_key_in_the_runs(
    api: TokenMaker, model: Script, run, settings: Settings
):
    """Also of an entry that was made under a tuning that is not in force any more."""
    client = api(*SCOPES)
    submit(client, GRATEFUL, 2)
    lose()
    settings.PERF_CONFIG.write_text(
        '{"inference": {"variants": 1}, "scoring": {"confidence_offset": 0.01}}'
    )
    forget_config()
    run()
    [key] = keys(FEELING)
    assert WarmUpEntry.objects.filter(key=key).exists()
    settings.PERF_CONFIG.write_text('{"inference": {"variants": 1}}')
    forget_config()

    for reflection in Reflection.objects.all():
        forgetting.forget(reflection)

    assert not keys(FEELING)
    assert not WarmUpEntry.objects.filter(key=key).exists()
    assert WarmUp.objects.get().computed == 2


def test_key_of_a_files_text_goes_with_the_reflection_that_has_it(
    api: TokenMaker, model: Script, run, texts
):
    """The same words of a person and of a file have one entry, which forgetting takes."""
    run(texts(GRATEFUL))
    submit(api(*SCOPES), GRATEFUL)
    [key] = keys(FEELING)

    forgetting.forget(Reflection.objects.get())

    assert not keys(FEELING)
    assert not WarmUpEntry.objects.filter(key=key).exists()


def test_reflection_that_is_forgotten_meanwhile_leaves_nothing(api: TokenMaker, model: Script, run):
    """What is computed of its text is dropped at once."""
    submit(api(*SCOPES), GRATEFUL, 2)
    EntryUse.objects.filter(cache_type=WRITTEN).update(hits=0)
    lose()
    plain = model.generate

    def generate(body):
        for reflection in Reflection.objects.all():
            forgetting.forget(reflection)
        connections.close_all()
        return plain(body)

    model.generate = generate
    warmed = run()

    assert (warmed["ended"], warmed["computed"]) == ("done", 0)
    assert not keys(FEELING)
    assert not WarmUpEntry.objects.exists()


def test_old_runs_are_forgotten_once_their_entries_are_over(model: Script, run, texts, monkeypatch):
    """Their number is bounded; but what is live must be found when its text is forgotten."""
    monkeypatch.setattr(warm_ups, "RUNS_KEPT", 2)
    run(texts(GRATEFUL))
    for _ in range(3):
        run(texts(GRATEFUL))
    assert [row.computed for row in WarmUp.objects.order_by("at")] == [2, 0, 0]

    WarmUpEntry.objects.update(expires_ms=1)
    run(texts(GRATEFUL))

    assert [row.computed for row in WarmUp.objects.all()] == [0, 0]


def test_runs_are_shown_in_the_admin_and_nobody_edits_them(
    model: Script, run, texts, admin_client: Client
):
    """With the hits so far on their own page."""
    run(texts(GRATEFUL))
    EntryUse.objects.update(hits=21)
    path = f"/admin/enrichment/warmup/{WarmUp.objects.get().pk}/change/"

    assert admin_client.get("/admin/enrichment/warmup/").status_code == 200
    page = admin_client.get(path)
    assert "42" in page.content.decode()
    assert admin_client.post(path, {"computed": 9}).status_code == 403


# What can't be done


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--limit", "0"], "--limit must be 1 or more"),
        (["--limit=-3"], "--limit must be 1 or more"),
        (["--concurrency", "0"], "--concurrency must be 1 to 16"),
        (["--concurrency", "17"], "--concurrency must be 1 to 16"),
        (["/nowhere/texts.txt"], "/nowhere/texts.txt can't be read: No such file"),
        (["/tmp"], "/tmp can't be read: Is a directory"),
        (["/nowhere/texts.txt", "--results"], "--results takes no FILE"),
    ],
)
def test_wrong_use_ends_with_2(model: Script, arguments: list[str], told: str):
    """The message names the argument and what is accepted."""
    with pytest.raises(CommandError, match=told) as refused:
        call_command("warm_cache", *arguments)
    assert refused.value.returncode == 2


def test_file_that_is_not_utf_8_ends_with_2(model: Script, tmp_path: Path):
    """The message has its name and the line."""
    path = tmp_path / "texts.txt"
    path.write_bytes("fine\ncafé".encode("latin-1"))
    with pytest.raises(CommandError, match=r"texts.txt: line 2 is not UTF-8.") as refused:
        call_command("warm_cache", str(path))
    assert refused.value.returncode == 2
    assert not WarmUp.objects.exists()


def test_skipped_lines_are_told_by_number(model: Script, texts, capsys):
    """On standard error, without their words, and no more than a screen of them."""
    call_command("warm_cache", texts(GRATEFUL, *["zyx" * 2000] * 12))

    told = capsys.readouterr()
    assert "Line 2 is skipped: has 6,000 characters" in told.err
    assert "... and 2 more." in told.err
    assert "zyx" not in told.err + told.out
    assert "12 skipped" in told.out


def test_command_while_another_is_at_work_ends_with_1(model: Script, texts):
    """Both would share the model; one that only waits for a worker gives way."""
    at_work = warm_ups.begin(WarmUp.Source.LOST)
    with pytest.raises(CommandError, match="Another warm-up is at work") as refused:
        call_command("warm_cache", texts(GRATEFUL))
    assert refused.value.returncode == 1
    warm_ups.end(at_work, WarmUp.Ended.DONE)

    waiting = warm_ups.request()
    call_command("warm_cache", texts(GRATEFUL))

    assert WarmUp.objects.get(pk=waiting.pk).ended == "interrupted"
    assert WarmUp.objects.first().computed == 2


@pytest.mark.parametrize("lost", [True, False])
def test_without_a_model_it_ends_with_1(texts, lost: bool):
    """In one sentence that says why; nothing is listed as a run."""
    with pytest.raises(CommandError, match="Nothing is computed: nothing answers at") as refused:
        call_command("warm_cache", *([] if lost else [texts(GRATEFUL)]))
    assert refused.value.returncode == 1
    assert not WarmUp.objects.exists()


def test_model_that_goes_away_ends_the_run_with_1(model: Script, texts, capsys):
    """Nothing more is asked, and what was done stays and is told."""
    model.chat = lambda _body: (500, b"{}")

    with pytest.raises(CommandError, match="Stopped: the model is out of reach") as stopped:
        call_command("warm_cache", texts(GRATEFUL, AGAIN), "--json")

    assert stopped.value.returncode == 1
    assert asked_about(model, AGAIN) == 0
    assert json.loads(capsys.readouterr().out)["computed"] == 1
    assert WarmUp.objects.get().ended == "model"


@pytest.mark.parametrize(
    ("caching", "told", "asked"),
    [
        ({"enabled": False}, "The cache is switched off", 0),
        ({"ttl_by_type": {FEELING: 0}}, "the cache keeps nothing", QUESTIONS),
    ],
)
def test_cache_that_keeps_nothing_ends_the_run_with_1(
    model: Script, texts, settings: Settings, caching: dict, told: str, asked: int
):
    """Every further answer would be in vain."""
    settings.PERF_CONFIG.write_text(json.dumps({"caching": caching}))
    forget_config()

    with pytest.raises(CommandError, match=told) as stopped:
        call_command("warm_cache", texts(GRATEFUL, AGAIN))

    assert stopped.value.returncode == 1
    assert len(model.questions(GENERATE)) == asked


def test_cache_that_is_switched_off_meanwhile_ends_the_run(model: Script, settings: Settings):
    """What is not kept is not taken for what is there already, and no more of it is asked."""
    plan = plan_texts(read_texts(f"{GRATEFUL}\n{AGAIN}\nI cried\n".encode(), table=False))

    def switch_off() -> None:
        settings.PERF_CONFIG.write_text('{"caching": {"enabled": false}}')
        forget_config()

    warmed = warming.warm(plan, advance=switch_off)

    assert (warmed.ended, warmed.done) == (WarmUp.Ended.NOT_KEPT, 1)
    assert (warmed.computed, warmed.already_there) == (2, 0)
    assert asked_about(model, "I cried") == 0


@pytest.fixture
def away(model: Script, settings: Settings) -> str:
    """The URL of a second host, at which nothing answers."""
    with standin() as gone:
        pass
    settings.OLLAMA_HOST = f"{gone.url},{model.url}"
    hosts.forget_client()
    return gone.url


def test_one_host_of_two_is_enough(model: Script, away: str, run, texts):
    """While another answers, one that is away stops nothing."""
    assert run(texts(GRATEFUL))["computed"] == 2
    assert away in hosts.health().trouble


def test_host_that_fails_is_told_and_not_the_one_that_is_away(
    model: Script, away: str, texts, capsys
):
    """The reason is what had to do with it."""
    model.chat = lambda _body: (500, b"{}")

    with pytest.raises(CommandError, match=r"out of reach \(HostFailed\)"):
        call_command("warm_cache", texts(GRATEFUL))


def test_worker_and_warm_up_do_not_meet(api: TokenMaker, model: Script, run, texts):
    """What a warm-up made is served to a job that asks for it as a hit."""
    run(texts(GRATEFUL))
    reflection = Reflection.objects.create(
        text=GRATEFUL, key_scope="site", timestamp=timezone.now()
    )
    jobs.create(reflection, priority=Priority.INTERACTIVE)
    tasks.run_next_job()

    assert {result.cache for result in reflection.results.all()} == {"hit"}
