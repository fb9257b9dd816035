"""Variants of Stage 2: given in turn, made ahead by jobs that nobody waits for."""

import json
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from cachestats.cache import get_cache
from cachestats.config.current import forget as forget_config
from cachestats.models import CacheEntry, LookupBatch
from cachestats.services import PurgeFilter
from enrichment import jobs, services, tasks
from enrichment.again import queue_again
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from tests.conftest import TokenMaker
from tests.standin import WRITING, Script, written

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
TEXT = "I'm feeling grateful for my sister today"
SCOPES = ("enrich:run", "enrich:read", "cache:read")
VARIANTS = Job.Purpose.VARIANTS


@pytest.fixture
def tune(settings: Settings, tmp_path: Path):
    """Put values of the tuning file's section `inference`, or whole sections, into force."""

    def put(sections=None, **inference) -> None:
        settings.PERF_CONFIG = tmp_path / "perf_config.json"
        values = {"inference": inference, **(sections or {})}
        settings.PERF_CONFIG.write_text(json.dumps(values))
        forget_config()

    return put


def submit(client, text: str = TEXT, **fields) -> dict:
    response = client.post(URL, {"text": text, **fields}, format="json")
    assert response.status_code in {200, 202}, response.content
    return {**response.json(), "code": response.status_code}


def variant_of(body: dict) -> int:
    """Return the number of the variant that was given, from 0."""
    assert body["stage2"]["outcome"] == "model"
    return body["stage2"]["result"]["provenance"]["variant"]


def read(client, times: int, **fields) -> list[int]:
    """Submit the same text so often, each answered at once; return the variants that came."""
    bodies = [submit(client, **fields) for _ in range(times)]
    assert {body["code"] for body in bodies} == {200}
    assert {body["stage2"]["cache"] for body in bodies} == {"hit"}
    return [variant_of(body) for body in bodies]


def seeds(model: Script) -> list[int]:
    """Return the seed of each text that the model was asked for."""
    return [body["options"]["seed"] for body in model.questions("/api/chat")]


def refuse(model: Script, *numbers: int) -> None:
    """Have the model write what the review refuses, as these variants."""

    def chat(body):
        number = body["options"]["seed"] // 1000
        return written("no JSON" if number in numbers else json.dumps(WRITING))

    model.chat = chat


def background() -> list[Job]:
    return list(Job.objects.filter(purpose=VARIANTS).order_by("pk"))


def expire_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def first_done(client, model: Script) -> Job:
    """Enrich one reflection, and leave the making of the other variants to be claimed."""
    submit(client)
    job = jobs.claim()
    services.run_job(job)
    [ahead] = background()
    return ahead


# Given in turn


def test_reader_is_given_each_variant_before_one_comes_again(api: TokenMaker, model: Script):
    """The first is computed, the others are made ahead; then all come in turn, from the cache."""
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    asked = len(model.asked)
    tickets = OrmQ.objects.count()

    assert read(client, 7) == [1, 2, 0, 1, 2, 0, 1]
    assert len(model.asked) == asked
    assert OrmQ.objects.count() == tickets
    assert sorted(seeds(model)) == [0, 1000, 2000]
    get_cache().flush()
    counted: Counter[str] = Counter()
    for lookups in LookupBatch.objects.filter(cache_type="stage2_enrichment"):
        counted[lookups.reason or lookups.state] += lookups.count
    assert counted == {"first_seen": 1, "changed: variant": 2, "hit": 7}


def test_readers_are_given_their_own_turns(api: TokenMaker, model: Script):
    """What one owner has read keeps nothing from another, under the same token or not."""
    web, other = api(*SCOPES), api(*SCOPES, name="another app")
    submit(web, owner="ada")
    tasks.run_next_job()

    assert read(web, 3, owner="ada") == [1, 2, 0]
    assert read(web, 3, owner="bob") == [0, 1, 2]
    # Another submitter's owner of the same name is somebody else; so is nobody.
    assert read(other, 3, owner="ada") == [0, 1, 2]
    assert read(web, 3) == [0, 1, 2]
    assert read(web, 1, owner="ada") == [1]


def test_reader_keeps_his_turn_when_the_queue_is_in_between(api: TokenMaker, model: Script):
    """A new text of the same feeling goes through a worker, which gives what is due too."""
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()

    location = submit(client, "I was so grateful to see my sister again")["id"]
    tasks.run_next_job()

    body = client.get(f"{URL}{location}/").json()
    assert (body["stage2"]["cache"], variant_of(body)) == ("hit", 1)


def test_forgotten_reflection_was_never_read(api: TokenMaker, model: Script):
    """What a reader has read is known from his reflections alone."""
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    assert read(client, 1) == [1]
    client.delete(f"{URL}{Reflection.objects.order_by('created_at').last().pk}/")

    assert read(client, 1) == [1]


def test_answer_says_which_of_how_many_it_is(api: TokenMaker, model: Script, client, person):
    """In the API as numbers from 1, on the page in words; no more than there are."""
    first = submit(api(*SCOPES))
    tasks.run_next_job()
    body = submit(api(*SCOPES))
    assert body["stage2"]["variant"] == {"number": 2, "of": 3}
    assert first["stage2"] is None

    client.force_login(person)
    page = client.post("/reflections/", {"text": TEXT, "timezone": "UTC"}, follow=True)
    tasks.run_next_job()
    location = page.redirect_chain[-1][0]
    assert "poem 1 of 3" in " ".join(client.get(location).content.decode().split())


# One variant


@pytest.mark.parametrize("tuning", [{"variants": 1}, {"variants": 3, "temperature": 0}])
def test_one_variant_is_one_value_that_all_are_given(
    api: TokenMaker, model: Script, tune, tuning: dict
):
    """Nothing is made ahead, each reads the same, and no answer speaks of variants.

    At temperature 0 the others would be the same, so there are none.
    """
    tune(**tuning)
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()

    assert read(client, 3) == [0, 0, 0]
    assert not background()
    assert seeds(model) == [0]
    assert "variant" not in submit(client)["stage2"]


def test_variants_cost_the_fast_path_one_query(api: TokenMaker, model: Script, tune):
    """And with one variant none."""
    client = api(*SCOPES)
    counts = {}
    for number in (1, 3):
        tune(variants=number)
        submit(client)
        tasks.run_next_job()
        submit(client)
        with CaptureQueriesContext(connection) as asked:
            assert submit(client)["code"] == 200
        counts[number] = len(asked)

    assert counts[3] == counts[1] + 1


def test_number_that_is_lowered_leaves_the_others_unread(api: TokenMaker, model: Script, tune):
    """Tuning is in force for the next reflection; old answers keep their number."""
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    assert read(client, 2) == [1, 2]
    tune(variants=2)

    assert read(client, 4) == [0, 1, 0, 1]
    last = StageResult.objects.filter(stage=2, result__provenance__variant=2).get()
    body = client.get(f"{URL}{last.reflection_id}/").json()
    assert body["stage2"]["variant"] == {"number": 3, "of": 3}


# Made ahead


def test_identical_reflections_make_one_job_and_each_variant_once(api: TokenMaker, model: Script):
    """However many come, the first that is computed has the others made, behind all of them."""
    client = api(*SCOPES)
    for number in range(6):
        submit(client, owner=f"owner {number}")
    done = []
    while job := jobs.claim():
        services.run_job(job)
        done.append(job.purpose)

    assert done == ["submitted"] * 6 + ["variants"]
    assert seeds(model) == [0, 1000, 2000]
    assert not StageResult.objects.exclude(reflection__jobs__purpose="submitted").exists()
    assert StageResult.objects.count() == 12


def test_job_of_a_worker_that_died_is_gone_on_with(api: TokenMaker, model: Script):
    """What was made before is not made again."""
    first_done(api(*SCOPES), model)

    class Killed(BaseException):
        """The worker's end."""

    answers = iter([False, True])

    def die() -> bool:
        if next(answers):
            raise Killed
        return False

    lost = jobs.claim()
    with pytest.raises(Killed):
        services.run_job(lost, interrupted=die)
    expire_lease(lost)
    tasks.run_next_job()

    [job] = background()
    assert (job.status, job.attempts) == (Status.COMPLETE, 2)
    assert seeds(model) == [0, 1000, 2000]


def test_two_workers_at_the_same_job_make_each_variant_once(api: TokenMaker, model: Script):
    """One that was given up on is still at work: the cache lets one of them ask, and one end it."""
    first_done(api(*SCOPES), model)
    asked, go_on = threading.Event(), threading.Event()
    lost = jobs.claim()
    ended: list[type[Exception]] = []

    def chat(_body):
        asked.set()
        go_on.wait(20)
        return written(json.dumps(WRITING))

    def work() -> None:
        try:
            services.run_job(lost)
        except jobs.ClaimLost as exc:
            ended.append(type(exc))
        connections.close_all()

    model.chat = chat
    zombie = threading.Thread(target=work)
    zombie.start()
    assert asked.wait(20)
    expire_lease(lost)
    threading.Timer(0.3, go_on.set).start()
    tasks.run_next_job()
    zombie.join()

    [job] = background()
    assert (job.status, job.attempts) == (Status.COMPLETE, 2)
    assert ended == [jobs.ClaimLost]
    assert sorted(seeds(model)) == [0, 1000, 2000]


def test_refused_variant_is_left_out_and_not_tried_again_for_a_day(api: TokenMaker, model: Script):
    """Its readers go round the others; each time all are read again nothing is asked."""
    refuse(model, 1)
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    assert read(client, 5) == [2, 0, 2, 0, 2]
    tasks.run_next_job()
    assert seeds(model) == [0, 1000, 1001, 2000]

    refuse(model)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert read(client, 1) == [0]
        tasks.run_next_job()
        assert read(client, 2) == [1, 2]
    assert len(background()) == 2


def test_first_that_is_refused_has_the_others_made_for_the_next_reader(
    api: TokenMaker, model: Script
):
    """A feeling whose first text can't be written is not left with a person's text for ever."""
    refuse(model, 0)
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    assert StageResult.objects.get(stage=2).outcome == "fallback"

    assert read(client, 3) == [1, 2, 1]
    assert len(background()) == 1


def test_purged_texts_are_made_again_at_once(api: TokenMaker, model: Script):
    """A job that ended lately stands in the way of none after a text that was computed."""
    client = api(*SCOPES)
    submit(client)
    tasks.run_next_job()
    get_cache().purge(PurgeFilter(all=True), "test")

    assert submit(client)["code"] == 202
    tasks.run_next_job()

    assert len(background()) == 2
    assert CacheEntry.objects.filter(cache_type="stage2_enrichment").count() == 3


def test_host_that_fails_takes_the_job_with_it_until_it_is_wanted_again(
    api: TokenMaker, model: Script
):
    """No failed job is left to look at; the next who has read all has them made."""
    client = api(*SCOPES)
    first_done(client, model)
    model.chat = lambda _body: (500, b"{}")
    tasks.run_next_job()
    assert not background()
    assert not Reflection.objects.filter(enrich_again=True).exists()

    refuse(model)
    assert read(client, 1) == [0]
    tasks.run_next_job()

    assert read(client, 2) == [1, 2]


def test_reader_for_whom_it_is_new_has_nothing_made(api: TokenMaker, model: Script):
    """Only who would read the same again is a reason for work."""
    client = api(*SCOPES)
    first_done(client, model)
    Job.objects.filter(purpose=VARIANTS).delete()

    assert read(client, 1, owner="bob") == [0]
    assert not background()
    assert read(client, 2, owner="bob") == [0, 0]
    assert len(background()) == 1


def test_nothing_is_made_ahead_where_nothing_is_kept(api: TokenMaker, model: Script, tune):
    """With the cache off, or without a time to live, it would be for nobody."""
    for caching in ({"enabled": False}, {"ttl_by_type": {"stage2_enrichment": 0}}):
        tune({"caching": caching})
        submit(api(*SCOPES), f"{TEXT} {caching}")
        tasks.run_next_job()

    assert StageResult.objects.filter(stage=2, outcome="model").count() == 2
    assert not background()


@pytest.mark.parametrize("text", ["I want to kill myself", "zyx qwv"])
def test_texts_of_persons_have_no_variants_made(api: TokenMaker, model: Script, text: str):
    """Neither who may be in danger nor who has no clear feeling is written for."""
    model.generate = lambda _body: written("")
    for _ in range(2):
        submit(api(*SCOPES), text)
        tasks.run_next_job()

    assert not background()


def test_job_goes_with_its_reflection(api: TokenMaker, model: Script):
    """Also in the middle of its work: then it ends quietly."""
    client = api(*SCOPES)
    job = first_done(client, model)
    mine = jobs.claim()

    assert client.delete(f"{URL}{job.reflection_id}/").status_code == 204
    with pytest.raises(jobs.ClaimLost):
        services.run_job(mine)

    assert not background()
    assert not StageResult.objects.exists()


def test_better_answers_have_variants_made_too(api: TokenMaker, model: Script):
    """What replaces a fallback after an outage is a text like any other."""
    chat, model.chat = model.chat, lambda _body: (500, b"{}")
    submit(api(*SCOPES))
    tasks.run_next_job()
    model.chat = chat

    assert queue_again() == 1
    tasks.run_next_job()

    assert [job.status for job in background()] == [Status.COMPLETE]
    assert seeds(model)[-2:] == [1000, 2000]


# Behind what people wait for


def test_nothing_is_made_ahead_while_a_persons_work_waits_or_goes_on(
    api: TokenMaker, model: Script
):
    """They would share the model; it is claimed once nobody waits."""
    client = api(*SCOPES)
    first_done(client, model)
    submit(client, "I was so happy at the sea", priority="bulk")
    waiting = jobs.claim()
    assert waiting.purpose == Job.Purpose.SUBMITTED

    assert jobs.claim() is None
    services.run_job(waiting)

    assert jobs.claim().purpose == VARIANTS


def test_tickets_of_what_is_made_ahead_wait_for_people_too(api: TokenMaker, model: Script):
    """A ticket that may take nothing would be issued over and over."""
    client = api(*SCOPES)
    first_done(client, model)
    submit(client, "I was so happy at the sea")
    OrmQ.objects.all().delete()
    job = jobs.claim()
    assert jobs.top_up_tickets() == 0

    services.run_job(job)

    assert jobs.top_up_tickets() == 1


def test_who_comes_meanwhile_is_served_between_two_variants(api: TokenMaker, model: Script):
    """The rest is given back uncharged, and is done after that."""
    client = api(*SCOPES)
    ahead = first_done(client, model)
    text = "I was so happy at the sea"

    def chat(body):
        if body["options"]["seed"] == 1000 and len(seeds(model)) == 2:
            job = jobs.create(
                Reflection.objects.create(text=text, key_scope="site", timestamp=timezone.now()),
                priority=Priority.BULK,
            )
            assert job.pk > ahead.pk
            connections.close_all()
        return written(json.dumps(WRITING))

    model.chat = chat
    tasks.run_next_job()
    ahead.refresh_from_db()
    assert (ahead.status, ahead.attempts) == (Status.COMPLETE, 1)
    person = Job.objects.get(reflection__text=text, purpose="submitted")
    assert person.status == Status.COMPLETE
    assert person.finished_at < ahead.finished_at


def test_persons_who_cancel_or_retry_do_not_meet_it(api: TokenMaker, model: Script):
    """The reflection is complete; what is made ahead is no affair of its owner's."""
    client = api(*SCOPES)
    job = first_done(client, model)
    place = f"{URL}{job.reflection_id}/"

    assert client.get(place).json()["status"] == Status.COMPLETE
    assert client.post(f"{place}cancel/").status_code == 409
    assert client.post(f"{place}retry/").status_code == 409
    body = {"ids": [str(job.reflection_id)]}
    for action in ("cancel", "retry"):
        answer = client.post(f"{URL}{action}/", body, format="json").json()
        assert set(answer.values()) == {1, 0}
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_cancelled_by_an_operator_it_leaves_the_reflections_mark(api: TokenMaker, model: Script):
    """Better answers are another job's affair; and it is not queued again by a retry."""
    job = first_done(api(*SCOPES), model)
    Reflection.objects.update(enrich_again=True)

    assert jobs.cancel(Job.objects.filter(pk=job.pk)) == 1
    assert Reflection.objects.get().enrich_again
    assert jobs.retry(Job.objects.filter(pk=job.pk)) == 0


# Without a reflection


def test_command_gives_any_variant_that_is_made(model: Script, api: TokenMaker, capsys):
    """It knows no reader: what is made serves, and else the first is computed."""
    found = set()
    call_command("enrich", TEXT, "--json")
    assert json.loads(capsys.readouterr().out)["stage2"]["result"]["provenance"]["variant"] == 0
    submit(api(*SCOPES))
    submit(api(*SCOPES))
    tasks.run_next_job()
    for _ in range(40):
        call_command("enrich", TEXT, "--json")
        told = json.loads(capsys.readouterr().out)["stage2"]
        assert told["cache"] == "hit"
        found.add(told["result"]["provenance"]["variant"])

    assert found == {0, 1, 2}
    assert sorted(seeds(model)) == [0, 1000, 2000]
