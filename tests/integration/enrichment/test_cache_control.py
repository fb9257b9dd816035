"""How fresh an answer must be: `Cache-Control` of a submission, at once and through a worker."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from django_q.models import OrmQ
from rest_framework.test import APIClient

from cachestats.cache import get_cache, make_cache
from cachestats.models import CacheEntry, EntryUse, Failure, LookupBatch
from enrichment import forgetting, jobs, services, tasks
from enrichment.again import queue_again
from enrichment.api.directives import HEADER
from enrichment.models import Job, Reflection, ReflectionImage, StageResult, Status
from enrichment.warming_plans import plan_lost
from tests import seeing
from tests.conftest import TokenMaker
from tests.databases import content
from tests.standin import BREAKS_OFF, Script, as_json, sight, written

pytestmark = pytest.mark.usefixtures("databases")

one_variant = pytest.mark.usefixtures("one_variant")
URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")
TEXT = "I'm feeling grateful for my sister today"
OLD = 50  # seconds, that entries have lived when a test begins


def submit(client: APIClient, wish: str = "", text: str = TEXT, **fields: str) -> Any:
    headers = {HEADER: wish} if wish else {}
    return client.post(URL, {"text": text, **fields}, format="json", headers=headers)


def done(client: APIClient, wish: str = "", text: str = TEXT) -> Any:
    """Submit a text, and return the answer once all is done, by a worker where one is needed."""
    answer = submit(client, wish, text)
    if answer.status_code == 202:
        tasks.run_next_job()
        answer = client.get(answer["Location"])
    assert answer.json()["status"] == Status.COMPLETE
    return answer


def always_send(client: APIClient, wish: str) -> None:
    """Have a client send this with each request from now on."""
    client.credentials(**{**client._credentials, "HTTP_CACHE_CONTROL": wish})


def forwards(answer: Any) -> list[str]:
    """Return of each stage what `Cache-Status` says: "hit", or why it was none, without the key."""
    members = answer["Cache-Status"].split(", ")
    said = [member.removeprefix("perfsite; ").partition("; key=")[0] for member in members]
    return ["hit" if each.startswith("hit") else each for each in said]


def age_entries(*, expire: bool = False) -> None:
    """Have all entries be as old as tests want them, and their time over if so wanted."""
    CacheEntry.objects.update(created_ms=F("created_ms") - OLD * 1000)
    if expire:
        CacheEntry.objects.update(expires_ms=F("created_ms") + 1000)


def entries() -> dict[int, int]:
    return dict(CacheEntry.objects.values_list("id", "created_ms"))


def asked(model: Script) -> int:
    return len(model.questions("/api/generate")) + len(model.questions("/api/chat"))


def background() -> int:
    return Job.objects.filter(purpose=Job.Purpose.VARIANTS).count()


# Each directive, on a hit, on what has expired, and on a miss

HIT, STALE, REQUEST = "hit", "fwd=stale; stored", "fwd=request; stored"
BYPASS, MISS = "fwd=bypass", "fwd=uri-miss; stored"


@one_variant
@pytest.mark.parametrize(
    ("wish", "live", "expired", "missing"),
    [
        ("", HIT, STALE, MISS),
        ("max-stale=5", HIT, STALE, MISS),
        ("max-age=3600", HIT, STALE, MISS),
        ("Max-Age=49", STALE, STALE, MISS),
        ("max-age=0", STALE, STALE, MISS),
        ("no-cache", REQUEST, REQUEST, REQUEST),
        ("no-cache, max-age=3600", REQUEST, REQUEST, REQUEST),
        ("no-store", BYPASS, BYPASS, BYPASS),
        ("NO-STORE, no-cache, max-age=3600", BYPASS, BYPASS, BYPASS),
        ("only-if-cached", HIT, None, None),
        ("only-if-cached, max-age=3600", HIT, None, None),
        ("only-if-cached, max-age=49", None, None, None),
        ("only-if-cached, no-cache", None, None, None),
        ("no-store, only-if-cached", None, None, None),
    ],
)
@pytest.mark.parametrize("there", ["live", "expired", "missing"])
def test_directive_is_held_in_both_stages(
    api: TokenMaker, model: Script, wish: str, there: str, live: str, expired: str, missing: str
):
    """What the headers say is what was done: who was asked, and what is stored now."""
    expected = {"live": live, "expired": expired, "missing": missing}[there]
    client = api(*RUN_AND_READ)
    if there != "missing":
        done(client)
        age_entries(expire=there == "expired")
    kept, before = entries(), asked(model)

    if expected is None:
        refused = submit(client, wish)
        assert refused.status_code == 504
        assert (entries(), asked(model)) == (kept, before)
        return
    answer = done(client, wish)

    assert forwards(answer) == [expected, expected]
    assert answer["X-Cache"] == {HIT: "HIT", BYPASS: "BYPASS"}.get(expected, "MISS")
    assert (asked(model) > before) is (expected != HIT)
    now = entries()
    if expected in {HIT, BYPASS}:
        assert now == kept
    else:
        assert len(now) == 2
        assert all(created > kept.get(row, 0) for row, created in now.items())
    # What a hit tells of its age.
    assert (int(answer["Age"]) >= OLD) is (expected == HIT)


@one_variant
def test_only_if_cached_without_an_answer_leaves_no_trace(api: TokenMaker, model: Script):
    """504 as a problem: no row, job, ticket, count or question, and no word of the text."""
    client = api(*RUN_AND_READ)

    refused = submit(client, "only-if-cached")

    assert refused.status_code == 504
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["title"] == "Gateway Timeout"
    assert TEXT not in refused.content.decode()
    get_cache().flush()
    for table in (Reflection, Job, StageResult, OrmQ, LookupBatch, CacheEntry, EntryUse):
        assert not table.objects.exists()
    assert asked(model) == 0


@one_variant
def test_only_if_cached_needs_both_stages(api: TokenMaker, model: Script):
    """One stage from the cache is not the answer from the cache."""
    client = api(*RUN_AND_READ)
    done(client)
    CacheEntry.objects.filter(cache_type="stage2_enrichment").delete()

    assert submit(client, "only-if-cached").status_code == 504
    assert Reflection.objects.count() == 1


@pytest.mark.parametrize("wish", ["max-age", "max-age=", "max-age=-1", "no-store, max-age=soon"])
def test_malformed_age_is_400_and_names_the_header(api: TokenMaker, model: Script, wish: str):
    """The error says what is accepted, and nothing is kept."""
    refused = submit(api(*RUN_AND_READ), wish)

    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert error["field"] == "Cache-Control"
    assert "whole seconds" in error["message"]
    assert not Reflection.objects.exists()


@one_variant
def test_look_ups_are_counted_as_what_they_were(api: TokenMaker, model: Script):
    """State and reason of each stage, once, also where the submission found nothing first."""
    client = api(*RUN_AND_READ)
    done(client)
    age_entries()
    get_cache().flush()
    LookupBatch.objects.all().delete()
    for wish in ("no-store", "max-age=5", "no-cache", "max-age=60"):
        done(client, wish)

    get_cache().flush()
    counted = LookupBatch.objects.filter(cache_type="stage1_enrichment")
    assert sorted(counted.values_list("state", "reason", "count")) == [
        ("bypass", "no_store", 1),
        ("hit", "", 1),
        ("miss", "no_cache", 1),
        ("miss", "too_old", 1),
    ]


# A worker later

WISHES = [("no-cache", REQUEST), ("no-store", BYPASS), ("max-age=5", STALE)]


@pytest.fixture
def aged(api: TokenMaker, model: Script) -> APIClient:
    """A client whose text is cached, and old."""
    client = api(*RUN_AND_READ)
    done(client)
    age_entries()
    return client


@one_variant
@pytest.mark.parametrize(("wish", "expected"), WISHES)
def test_wish_survives_the_worker(aged: APIClient, wish: str, expected: str):
    """Of a job whose worker ended between the stages another process does the rest as wanted."""
    place = submit(aged, wish)["Location"]
    job = jobs.claim()
    assert job is not None
    with pytest.raises(jobs.Interrupted):
        services.run_job(job, interrupted=lambda: True)
    assert jobs.release([job.claimed_by], charged=True) == 1
    make_cache.cache_clear()

    tasks.run_next_job()

    assert forwards(aged.get(place)) == [expected, expected]
    assert Job.objects.get(reflection_id=place.split("/")[-2]).attempts == 2


@one_variant
@pytest.mark.parametrize(("wish", "expected"), WISHES)
def test_wish_survives_a_retry(aged: APIClient, wish: str, expected: str):
    """What was cancelled and is queued again is wanted as fresh as before."""
    place = submit(aged, wish)["Location"]
    aged.post(f"{place}cancel/")
    aged.post(f"{place}retry/")

    tasks.run_next_job()

    assert forwards(aged.get(place)) == [expected, expected]


@one_variant
@pytest.mark.parametrize(("wish", "expected"), WISHES)
def test_wish_survives_an_outage(aged: APIClient, model: Script, wish: str, expected: str):
    """Fallbacks are done again as they were wanted, once a model is back."""
    generate, chat = model.generate, model.chat
    model.generate = model.chat = lambda _body: as_json({"error": "out of order"}, 500)
    first = done(aged, wish)
    assert first.json()["stage1"]["outcome"] == "fallback"
    assert not Failure.objects.exists() or wish != "no-store"
    model.generate, model.chat = generate, chat

    assert queue_again() == 1
    tasks.run_next_job()

    again = aged.get(f"{URL}{first.json()['id']}/")
    assert again.json()["stage1"]["outcome"] == "model"
    assert forwards(again) == [expected, expected]


# Pictures


def test_picture_is_described_as_fresh_as_is_wanted(api: TokenMaker, model: Script):
    """Its description is looked up, or not, and stored, or not, as both stages are."""
    model.capabilities = ("completion", "vision")
    model.chat = sight(model)
    client = api(*RUN_AND_READ)

    def sent(wish: str) -> Any:
        always_send(client, wish)
        answer = seeing.submit(client)
        if answer.status_code == 202:
            seeing.work()
            answer = client.get(answer["Location"])
        return answer

    assert sent("only-if-cached").status_code == 504
    assert not ReflectionImage.objects.exists()

    hidden = sent("no-store")
    assert (hidden.json()["image"]["cache"], hidden["X-Cache"]) == ("bypass", "BYPASS")
    assert not CacheEntry.objects.exists()

    assert sent("max-age=60").json()["image"]["cache"] == "miss"
    assert sent("max-age=60").json()["image"]["cache"] == "hit"
    looked = len(seeing.looks(model))
    assert sent("no-cache").json()["image"]["cache"] == "miss"
    assert sent("max-age=0").json()["image"]["cache"] == "miss"
    assert len(seeing.looks(model)) == looked + 2
    assert CacheEntry.objects.filter(cache_type="vision").count() == 1


# What is left of it


def cache_files() -> list[Path]:
    path = Path(connections["cache"].settings_dict["NAME"])
    return list(path.parent.glob(f"{path.name}*"))


def test_nothing_of_no_store_is_in_the_caches_files(api: TokenMaker, model: Script):
    """Neither what a model saw, nor an error that quotes the words on its way to others."""
    model.capabilities = ("completion", "vision")
    client = api(*RUN_AND_READ)

    def sent(word: str) -> None:
        text = f"I was so happy and grateful for {word} today"
        model.generate = lambda body: (
            BREAKS_OFF,
            json.dumps({"error": f"no: {body['prompt']}"}).encode(),
        )
        submit(client, text=text)
        tasks.run_next_job()
        model.generate = Script().generate
        model.chat = lambda _body: written(f"{word} on a sunny beach. The mood is joyful.")
        seeing.submit(client)
        seeing.work()

    always_send(client, "no-store")
    sent("zqhiddenword")
    always_send(client, "")
    sent("zqshownword")

    held = b"".join(content(path) for path in cache_files())
    assert b"zqshownword" in held
    assert b"zqhiddenword" not in held


@one_variant
def test_reflection_past_the_cache_holds_no_entry(api: TokenMaker, model: Script):
    """The entry of a forgotten text goes, though one of the same words that wanted none is left;
    and to forget that one spares an entry that another holds.
    """
    client = api(*RUN_AND_READ)
    stored, hidden = done(client).json()["id"], done(client, "no-store").json()["id"]
    stage1 = CacheEntry.objects.filter(cache_type="stage1_enrichment")
    extra = done(client, "no-store").json()["id"]

    forgetting.forget(Reflection.objects.get(pk=extra))
    assert stage1.exists()
    forgetting.forget(Reflection.objects.get(pk=stored))
    assert not stage1.exists()
    assert Reflection.objects.get().pk.hex == hidden.replace("-", "")


@one_variant
def test_lost_entry_is_not_made_anew_of_a_text_that_wanted_none(api: TokenMaker, model: Script):
    """A warm-up takes the words of others who shared the entry, or leaves it lost."""
    client = api(*RUN_AND_READ)
    stored = done(client).json()["id"]
    done(client)
    done(client, "no-store")
    get_cache().flush()
    CacheEntry.objects.update(expires_ms=1)
    EntryUse.objects.update(expires_ms=1)
    assert len(plan_lost(10).wanted) == 2

    # Not `forget`, which would take the entry's trace along.
    Reflection.objects.filter(no_store=False).delete()
    assert plan_lost(10).wanted == ()
    assert str(Reflection.objects.get().pk) != stored


# Variants


def test_no_store_has_nothing_made_ahead(api: TokenMaker, model: Script):
    """Neither where its text was written nor where the review refused it."""
    client = api(*RUN_AND_READ)
    done(client, "no-store")
    model.chat = lambda _body: written("no JSON")
    refused = done(client, "no-store")

    assert refused.json()["stage2"]["outcome"] == "fallback"
    assert background() == 0
    assert not CacheEntry.objects.exists()


def test_reader_who_wants_it_fresh_is_given_what_is_due(api: TokenMaker, model: Script):
    """The variant that was not read yet is computed anew and replaces its entry."""
    client = api(*RUN_AND_READ)
    assert done(client).json()["stage2"]["variant"] == {"number": 1, "of": 3}
    age_entries()
    before = entries()

    fresh = done(client, "no-cache")

    assert forwards(fresh) == [REQUEST, REQUEST]
    assert fresh.json()["stage2"]["variant"] == {"number": 2, "of": 3}
    renewed = [row for row, created in entries().items() if created > before[row]]
    assert len(renewed) == 2
    assert len(entries()) == len(before) == 4


def test_reader_is_given_a_variant_that_is_fresh_enough(api: TokenMaker, model: Script):
    """One that is younger goes before the one that is due but too old."""
    client = api(*RUN_AND_READ)
    done(client)
    age_entries()
    done(client, "no-cache")
    done(client)

    again = submit(client, "max-age=20, only-if-cached")

    assert again.status_code == 200
    assert again.json()["stage2"]["variant"] == {"number": 2, "of": 3}
