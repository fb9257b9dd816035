"""Images on their way: no fault loses one, and nothing of it stays once it is described.

No model here can see: a scripted server that speaks Ollama's API stands in for one that can.
"""

import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from cachestats.models import CacheEntry
from cachestats.services.revisions import save_revision
from enrichment import hosts, jobs, services, tasks
from enrichment.models import HostState, Job, Reflection, ReflectionImage
from tests.conftest import TokenMaker
from tests.databases import content
from tests.pictures import encoded, halves
from tests.seeing import RUN_AND_READ, URL, looks, submit, work
from tests.standin import SHOWN, Answer, Script, sight, standin, written

pytestmark = pytest.mark.usefixtures("databases")


def test_image_waits_for_a_model_that_is_away(
    api: TokenMaker, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Nobody knows whether it sees, so it is accepted; no outage is so long that it fails."""
    monkeypatch.setattr(jobs, "JITTER", 0)
    with standin() as script:
        script.capabilities = ("completion", "vision")
        script.chat = sight(script)
        settings.OLLAMA_HOST = script.url
    hosts.forget_client()
    client = api(*RUN_AND_READ)
    place = submit(client)["Location"]
    for _ in range(max(jobs.MAX_ERRORS, jobs.MAX_CRASHES) + 1):
        Job.objects.update(available_at=timezone.now())
        work()

    told = client.get(place).json()
    assert told["status"] == "queued"
    assert told["image"]["state"] == "waiting"
    assert told["image"]["reason"] in {"HostUnreachable", "CircuitOpen"}
    assert Job.objects.get().available_at > timezone.now()
    HostState.objects.all().delete()
    hosts.forget_client()
    Job.objects.update(available_at=timezone.now())
    with standin(script, port=int(script.url.rpartition(":")[2])):
        work()

    assert client.get(place).json()["status"] == "complete"
    assert client.get(place).json()["text"] == SHOWN


def test_image_that_could_not_be_described_is_described_by_a_retry(api: TokenMaker, seeing: Script):
    """What the model can't do, or says in vain, fails the job at once; the image is kept."""
    client = api(*RUN_AND_READ)
    place = submit(client, text="My day")["Location"]
    for reason, blind, said in (
        ("ModelCannotSee", ("completion",), SHOWN),
        ("InvalidReply", ("completion", "vision"), "I'm sorry, I can't help with that."),
    ):
        seeing.capabilities, seeing.chat = blind, sight(Script(), said)
        work()
        told = client.get(place).json()
        assert (told["status"], told["text"]) == ("failed", "My day")
        assert told["image"] == {"state": "waiting", "cache": "", "reason": reason}
        assert told["stage1"] is told["stage2"] is None
        assert client.post(f"{place}retry/").status_code == 202

    seeing.chat = sight(Script())
    work()

    assert client.get(place).json()["text"] == f"My day\n\n{SHOWN}"
    assert client.get(place).json()["status"] == "complete"


def test_claim_that_was_lost_writes_no_description(api: TokenMaker, seeing: Script):
    """Who was given up on while the model looked changes neither text nor image."""
    client = api(*RUN_AND_READ)
    place = submit(client)["Location"]
    seen = sight(Script())

    def cancel_meanwhile(body: dict[str, Any]) -> Answer:
        client.post(f"{place}cancel/")
        return seen(body)

    seeing.chat = cancel_meanwhile
    work()

    told = client.get(place).json()
    assert (told["status"], told["text"]) == ("cancelled", "")
    assert told["image"]["state"] == "waiting"
    # What was found isn't kept, so that it can't outlive the reflection; a retry looks again.
    assert not CacheEntry.objects.exists()
    seeing.chat = sight(Script())
    client.post(f"{place}retry/")
    work()
    assert client.get(place).json()["image"]["cache"] == "miss"
    assert len(looks(seeing)) == 2


@pytest.mark.parametrize("tuning", [{"num_predict_long": 200}, {"temperature": 0.9}])
def test_description_of_a_cancelled_job_is_forgotten_under_another_tuning_too(
    api: TokenMaker, seeing: Script, tuning: dict[str, Any]
):
    """The key would not be found any more: not a byte of the description stays."""
    word = "zqsandcastle"
    seen = sight(Script(), f"A child builds a {word} on a sunny beach.")
    client = api(*RUN_AND_READ)
    place = submit(client)["Location"]

    def cancel_meanwhile(body: dict[str, Any]) -> Answer:
        client.post(f"{place}cancel/")
        return seen(body)

    seeing.chat = cancel_meanwhile
    work()
    assert len(looks(seeing)) == 1
    save_revision({"inference": tuning}, None)

    client.delete(place)

    assert not CacheEntry.objects.exists()
    assert files_with(word.encode()) == []


def test_description_that_another_reflection_holds_outlives_a_cancelled_job(
    api: TokenMaker, seeing: Script
):
    """What the other one had described is still its own."""
    client = api(*RUN_AND_READ)
    cancelled = submit(client)["Location"]
    Job.objects.update(available_at=timezone.now() + timedelta(minutes=1))
    submit(client)
    work()
    Job.objects.update(available_at=timezone.now())
    mine = jobs.claim()
    client.post(f"{cancelled}cancel/")
    with pytest.raises(jobs.ClaimLost):
        services.run_job(mine)

    assert CacheEntry.objects.filter(cache_type="vision").count() == 1


@pytest.fixture
def no_pauses(settings: Settings, tmp_path: Path) -> None:
    """A host that is away is asked as often, without waiting."""
    settings.PERF_CONFIG = tmp_path / "no_pauses.json"
    settings.PERF_CONFIG.write_text('{"networking": {"retry_backoff_ms": [1]}}')


@pytest.mark.usefixtures("no_pauses")
def test_wait_for_a_model_is_a_line_without_a_traceback(
    api: TokenMaker, caplog: pytest.LogCaptureFixture
):
    """Each picture comes by twice a minute, for as long as no host answers."""
    caplog.set_level("INFO")
    submit(api(*RUN_AND_READ))
    work()

    told = [record for record in caplog.records if record.name == "enrichment.tasks"]
    assert [record.getMessage() for record in told] == [
        "[JOB] Claimed",
        "[JOB] Waits for a model: HostUnreachable",
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.usefixtures("no_pauses")
def test_pictures_that_wait_for_a_model_keep_out_pictures_and_no_texts(
    api: TokenMaker, settings: Settings
):
    """Texts get their fallbacks meanwhile; pictures would grow without bound."""
    settings.QUEUE_DEPTH = 2
    client = api(*RUN_AND_READ)
    for _ in range(2):
        assert submit(client).status_code == 202
    work()

    assert submit(client).status_code == 503
    assert client.post(URL, {"text": "A quiet day"}, format="json").status_code == 202


def test_two_of_the_same_image_at_once_are_looked_at_once(api: TokenMaker, seeing: Script):
    """Of two workers with the same question one asks, and both have the answer."""
    client = api(*RUN_AND_READ)
    places = [submit(client)["Location"] for _ in range(2)]

    def one() -> None:
        with closing(connection):
            tasks.run_next_job()

    workers = [threading.Thread(target=one) for _ in places]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert {client.get(place).json()["text"] for place in places} == {SHOWN}
    assert len(looks(seeing)) == 1


def test_full_queue_keeps_no_image(api: TokenMaker, seeing: Script, settings: Settings):
    """503 as for a text, and nothing of the file stays."""
    settings.QUEUE_DEPTH = 1
    client = api(*RUN_AND_READ)
    submit(client, encoded(halves("green")))

    assert submit(client).status_code == 503
    assert ReflectionImage.objects.count() == 1


def files_with(piece: bytes) -> list[str]:
    """Return the names of the site's files that hold these bytes."""
    found = site_settings.VAR_DIR.rglob("*")
    return [path.name for path in found if path.is_file() and piece in content(path)]


def pieces_of(jpeg: bytes) -> list[bytes]:
    """Return bytes of a picture that no other file has, from several places of it."""
    return [jpeg[at : at + 32] for at in range(700, len(jpeg) - 32, 500)]


def noise() -> bytes:
    """Return a photo that nobody else took, larger than a page of a database."""
    return encoded(Image.effect_noise((160, 160), 120).convert("RGB"))


def test_image_is_gone_once_it_is_described(api: TokenMaker, seeing: Script):
    """No byte of it is left in any file, neither as it was sent nor as it was kept."""
    data = noise()
    client = api(*RUN_AND_READ)
    submit(client, data)
    kept = bytes(ReflectionImage.objects.get().content)
    assert len(kept) > 8000
    assert all(files_with(piece) for piece in pieces_of(kept))
    work()

    image = ReflectionImage.objects.get()
    assert (image.content, image.sha256) == (None, "")
    assert image.key == CacheEntry.objects.get(cache_type="vision").key
    for piece in (*pieces_of(kept), *pieces_of(data)):
        assert files_with(piece) == []


@pytest.mark.parametrize("until", ["it waits", "it is described", "it was cancelled"])
def test_forgotten_reflection_leaves_nothing_of_its_image(
    api: TokenMaker, seeing: Script, until: str
):
    """Neither a byte of the image nor a word of its description, in whatever state it was."""
    data = noise()
    word = "zqbeachball"
    seeing.chat = sight(Script(), f"A child throws a {word} on a sunny beach.")
    client = api(*RUN_AND_READ)
    place = submit(client, data)["Location"]
    kept = bytes(ReflectionImage.objects.get().content)
    if until == "it was cancelled":
        seen = seeing.chat

        def cancel_meanwhile(body: dict[str, Any]) -> Answer:
            client.post(f"{place}cancel/")
            return seen(body)

        seeing.chat = cancel_meanwhile
    if until != "it waits":
        work()
    if until == "it is described":
        assert CacheEntry.objects.filter(cache_type="vision").exists()
        assert files_with(word.encode())

    assert client.delete(place).status_code == 204

    assert not ReflectionImage.objects.exists()
    assert not CacheEntry.objects.filter(cache_type="vision").exists()
    assert files_with(word.encode()) == []
    for piece in (*pieces_of(kept), *pieces_of(data)):
        assert files_with(piece) == []


def test_admin_forgets_the_image_too(api: TokenMaker, seeing: Script):
    """Nobody needs a permission of its own for it, and its entry goes."""
    submit(api(*RUN_AND_READ))
    work()
    root = User.objects.create(username="root", is_staff=True)
    root.user_permissions.set(
        Permission.objects.filter(codename__in=["view_reflection", "delete_reflection"])
    )
    admin = Client()
    admin.force_login(root)
    place = f"/admin/enrichment/reflection/{Reflection.objects.get().pk}"

    assert admin.get(f"{place}/change/").status_code == 200
    assert admin.post(f"{place}/delete/", {"post": "yes"}).status_code == 302
    assert not ReflectionImage.objects.exists()
    assert not CacheEntry.objects.filter(cache_type="vision").exists()


def test_reflection_deleted_while_the_model_looks_stays_forgotten(api: TokenMaker, seeing: Script):
    """A worker that comes with a description after the deletion leaves none of it."""
    client = api(*RUN_AND_READ)
    place = submit(client)["Location"]
    seen = seeing.chat

    def delete_meanwhile(body: dict[str, Any]) -> Answer:
        client.delete(place)
        return seen(body)

    seeing.chat = delete_meanwhile
    work()

    assert not Reflection.objects.exists()
    assert not CacheEntry.objects.exists()
    assert files_with(SHOWN[:20].encode()) == []


def test_description_that_another_reflection_holds_is_spared(api: TokenMaker, seeing: Script):
    """The first one's deletion leaves the entry, the second one's nothing."""
    client = api(*RUN_AND_READ)
    first = submit(client)["Location"]
    work()
    second = submit(client)["Location"]

    client.delete(first)
    assert CacheEntry.objects.filter(cache_type="vision").exists()
    client.delete(second)

    assert not CacheEntry.objects.filter(cache_type="vision").exists()


def test_log_and_jobs_hold_nothing_of_image_or_description(
    api: TokenMaker, seeing: Script, caplog: pytest.LogCaptureFixture
):
    """The log names the entry; errors quote no reply."""
    client = api(*RUN_AND_READ)
    with caplog.at_level("DEBUG"):
        submit(client)
        work()
        seeing.chat = lambda _body: written("I'm sorry, zqword I can't.")
        submit(client, encoded(halves("green")))
        work()

        submit(client)
    key = CacheEntry.objects.get(cache_type="vision").key
    for happened in ("MISS", "HIT"):
        assert f"[CACHE {happened}] Image: {key[:8]}" in caplog.text
    assert "sisters" not in caplog.text
    assert "zqword" not in caplog.text
    assert "sisters" not in str(list(Job.objects.values()))


def test_image_waits_or_is_described_and_never_both(seeing: Script):
    """The database refuses pixels that outlive their description, and a description of nothing."""
    reflection = Reflection.objects.create(text="", key_scope="site", timestamp=timezone.now())
    for wrong in ({"content": b"x", "key": "ab"}, {}, {"key": "ab", "sha256": "cd"}):
        with pytest.raises(IntegrityError):
            ReflectionImage.objects.create(reflection=reflection, **wrong)
