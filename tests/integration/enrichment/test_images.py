"""Reflections that come with an image, over HTTP and through the queue.

No model here can see: a scripted server that speaks Ollama's API stands in for one that can.
"""

import base64
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from cachestats.models import CacheEntry, LookupBatch
from enrichment import hosts, images, jobs, services, tasks
from enrichment.errors import InvalidImage, ModelCannotSee
from enrichment.models import HostState, Job, Reflection, ReflectionImage, StageResult, Status
from tests.conftest import TokenMaker
from tests.pictures import CAMERA, decoded, encoded, halves, photo
from tests.standin import Answer, Script, standin, written

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")
SHOWN = "Two happy sisters laugh together on a sunny beach. The mood is joyful."
DANGER = "A note on a table says I want to kill myself. The mood is heavy."


def sight(model: Script, shown: str = SHOWN) -> Callable[[dict[str, Any]], Answer]:
    """Return what a model answers that says this of each image; else it writes as it did."""
    plain = model.chat
    return lambda body: written(shown) if "images" in body["messages"][-1] else plain(body)


@pytest.fixture
def seeing(model: Script) -> Script:
    """A scripted model that can see."""
    model.capabilities = ("completion", "vision")
    model.chat = sight(model)
    return model


def submit(client: APIClient, image: bytes | None = None, name: str = "day.jpg", **fields: str):
    image = photo() if image is None else image
    file = SimpleUploadedFile(name, image, "image/jpeg")
    return client.post(URL, {"image": file, **fields}, format="multipart")


def looks(model: Script) -> list[bytes]:
    """Return the images that a model was shown."""
    return [
        base64.b64decode(image)
        for body in model.questions("/api/chat")
        for image in body["messages"][-1].get("images", ())
    ]


def work() -> None:
    tasks.run_next_job()
    get_cache().flush()


# From a file to a text


def test_image_becomes_the_text_that_is_enriched(api: TokenMaker, seeing: Script):
    """It is accepted at once, then described, and its description is read for its feeling."""
    client = api(*RUN_AND_READ)

    first = submit(client)
    work()
    done = client.get(first["Location"]).json()

    assert first.status_code == 202
    assert first.json()["text"] == ""
    assert first.json()["image"] == {"state": "waiting", "cache": "", "reason": ""}
    assert done["status"] == "complete"
    assert done["text"] == SHOWN
    assert done["image"] == {"state": "described", "cache": "miss", "reason": ""}
    assert done["stage1"]["outcome"] == done["stage2"]["outcome"] == "model"
    (asked,) = [
        body["prompt"]
        for body in seeing.questions("/api/generate")
        if body["prompt"].endswith("The writer is")
    ]
    assert SHOWN in asked


def test_model_is_shown_the_pixels_and_nothing_else(api: TokenMaker, seeing: Script):
    """Neither where the photo was taken nor with what."""
    submit(api(*RUN_AND_READ))
    work()

    (shown,) = looks(seeing)
    assert decoded(shown).size == (64, 48)
    assert CAMERA.encode() not in shown
    assert not decoded(shown).getexif()


def test_words_stay_and_the_description_follows(api: TokenMaker, seeing: Script):
    """Both are one text of at most 5,000 characters."""
    client = api(*RUN_AND_READ)
    short = submit(client, text="My sister came today.", timezone="Europe/Berlin")
    long = submit(client, text="x" * 4960)
    work()

    assert client.get(short["Location"]).json()["text"] == f"My sister came today.\n\n{SHOWN}"
    assert client.get(short["Location"]).json()["timezone"] == "Europe/Berlin"
    text = client.get(long["Location"]).json()["text"]
    assert text == f"{'x' * 4960}\n\nTwo happy sisters laugh together on a"


@pytest.mark.usefixtures("one_variant")
def test_same_image_again_is_answered_at_once(api: TokenMaker, seeing: Script):
    """Description and both stages come from the cache, byte for byte, and nobody is asked."""
    client = api(*RUN_AND_READ)
    cold = submit(client)
    work()
    cold = client.get(cold["Location"])
    asked = len(seeing.asked)

    warm = submit(client, name="other.png")
    get_cache().flush()

    assert (warm.status_code, warm["X-Cache"], cold["X-Cache"]) == (200, "HIT", "MISS")
    assert warm.json()["image"] == {"state": "described", "cache": "hit", "reason": ""}
    assert warm.json()["text"] == cold.json()["text"]
    for stage in ("stage1", "stage2"):
        assert warm.json()[stage]["result"] == cold.json()[stage]["result"]
    assert not [path for path, _ in seeing.asked[asked:] if path in {"/api/chat", "/api/generate"}]
    states = LookupBatch.objects.filter(cache_type="vision").values_list("state", flat=True)
    assert sorted(states) == ["hit", "miss"]


def test_same_image_of_another_owner_is_looked_at_anew(api: TokenMaker, seeing: Script):
    """No hit tells that somebody else has the same picture."""
    for owner in ("ada", "bob"):
        client = api(*RUN_AND_READ, owner=owner)
        place = submit(client)["Location"]
        work()
        assert client.get(place).json()["image"]["cache"] == "miss"
        assert client.get(place)["X-Cache"] == "MISS"

    assert len(looks(seeing)) == 2


def test_answer_is_no_hit_where_the_image_was_looked_at(api: TokenMaker, seeing: Script):
    """Both stages knew the words, which the model had to find first."""
    client = api(*RUN_AND_READ)
    submit(client)
    work()

    place = submit(client, encoded(halves("green")))["Location"]
    work()

    done = client.get(place)
    assert [done.json()[stage]["cache"] for stage in ("stage1", "stage2")] == ["hit", "hit"]
    assert done["X-Cache"] == "MISS"


def test_description_in_danger_gets_the_safety_text(api: TokenMaker, seeing: Script):
    """What an image says is checked as what is written is, also where it comes from the cache; the
    text is there before the feeling is looked for.
    """
    seeing.chat = sight(seeing, DANGER)
    plain, early = seeing.generate, []

    def look_meanwhile(body: dict[str, Any]) -> Answer:
        early.extend(StageResult.objects.values_list("outcome", flat=True))
        return plain(body)

    seeing.generate = look_meanwhile
    client = api(*RUN_AND_READ)
    first = submit(client)
    assert not first.json()["risk"]["flagged"]
    work()

    for answer in (client.get(first["Location"]), submit(client)):
        body = answer.json()
        assert (body["text"], body["status"]) == (DANGER, "complete")
        assert body["risk"]["flagged"]
        assert body["stage2"]["outcome"] == "safety"
        assert body["stage2"]["help_lines"]
    assert set(early) == {"safety"}
    # Nobody asked for a poem.
    assert len(seeing.questions("/api/chat")) == len(looks(seeing)) == 1


def test_words_in_danger_have_the_safety_text_before_anybody_looks(api: TokenMaker, seeing: Script):
    """And keep it, however merry the image is and whatever the check says of both together."""
    client = api(*RUN_AND_READ)
    first = submit(client, text="I want to kill myself")
    assert first.json()["stage2"]["outcome"] == "safety"
    Reflection.objects.update(text="What I wrote of myself")
    work()

    done = client.get(first["Location"]).json()
    assert done["status"] == "complete"
    assert done["text"].endswith(SHOWN)
    assert done["risk"]["flagged"]
    assert done["stage2"]["outcome"] == "safety"


def test_describe_image_for_code_of_ones_own(seeing: Script):
    """One call from bytes to words, through the cache; what is no image is refused."""
    data = photo("PNG")

    assert services.describe_image(data) == services.describe_image(data) == SHOWN
    assert len(looks(seeing)) == 1
    assert CacheEntry.objects.get().cache_type == "vision"
    with pytest.raises(InvalidImage, match="can't be decoded"):
        services.describe_image(b"words")
    seeing.capabilities = ("completion",)
    with pytest.raises(ModelCannotSee):
        services.describe_image(photo("WEBP"))


# What is refused


def refused(response: Any, status: int = 400) -> dict[str, str]:
    """Return what a problem says by field, and check that nothing was kept."""
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert not Reflection.objects.exists()
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_model_that_cannot_see_is_told_before_anything_is_sent(api: TokenMaker, model: Script):
    """A clear error at the field, and the image goes nowhere."""
    told = refused(submit(api(*RUN_AND_READ)))

    assert "standin:1b cannot see images" in told["image"]
    assert "ollama pull gemma3:4b" in told["image"]
    assert model.questions("/api/chat") == model.questions("/api/generate") == []


@pytest.mark.engine
def test_embedded_model_says_that_it_cannot_see(
    api: TokenMaker, engine_url: str, settings: Settings
):
    """The model of a fresh clone takes text alone, and its own answer says so."""
    settings.OLLAMA_HOST = engine_url
    hosts.forget_client()

    told = refused(submit(api(*RUN_AND_READ)))

    assert "cannot see images" in told["image"]
    with pytest.raises(ModelCannotSee):
        services.describe_image(photo())


def test_file_that_is_no_image_is_named_with_what_is_accepted(api: TokenMaker, seeing: Script):
    """By its content, whatever it is called; beside what else is wrong."""
    told = refused(submit(api(*RUN_AND_READ), encoded(halves(), "GIF"), timezone="Mars/Olympus"))

    assert set(told) == {"image", "timezone"}
    assert images.ACCEPTED in told["image"]
    assert seeing.asked == []


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"image": "a word"}, "json"),
        ({"image": [1]}, "json"),
        ({"image": "a word"}, "multipart"),
        ({"image": [SimpleUploadedFile("a.jpg", photo()) for _ in "ab"]}, "multipart"),
        ({"image": SimpleUploadedFile("a.jpg", b"")}, "multipart"),
    ],
    ids=["json-text", "json-list", "form-text", "two-files", "empty-file"],
)
def test_image_that_is_not_one_file_is_refused(api: TokenMaker, seeing: Script, body, form):
    """In JSON it can't be sent at all, and the message says how it can."""
    told = refused(api(*RUN_AND_READ).post(URL, body, format=form))

    assert images.ACCEPTED in told["image"]


def test_form_without_image_is_a_reflection_too(api: TokenMaker, model: Script):
    """The same fields as in JSON, with the same errors."""
    client = api(*RUN_AND_READ)

    assert "text" in refused(client.post(URL, {"timezone": "UTC"}, format="multipart"))
    told = refused(client.post(URL, {"text": "a", "colour": "red"}, format="multipart"))
    assert set(told) == {"colour"}
    file = SimpleUploadedFile("text.txt", b"My day")
    assert "text" in refused(client.post(URL, {"text": file}, format="multipart"))
    response = client.post(URL, {"text": "My day"}, format="multipart")
    assert response.status_code == 202
    assert response.json()["image"] is None


def test_image_of_more_than_five_megabytes_is_named(api: TokenMaker, seeing: Script):
    """A little too large is an error at the field; 5 MB themselves are accepted."""
    longest = photo() + bytes(images.MAX_BYTES - len(photo()))
    client = api(*RUN_AND_READ)

    assert "5,242,881 bytes" in refused(submit(client, longest + b"\0"))["image"]
    assert submit(client, longest).status_code == 202


def test_form_far_too_large_is_413_and_not_read(api: TokenMaker, seeing: Script):
    """Beyond what the longest legal form needs the answer says the limits."""
    client = api(*RUN_AND_READ)
    huge = photo() + bytes(images.MAX_BYTES + 200_000)

    refused(submit(client, huge), 413)
    assert str(images.MAX_BYTES) in submit(client, huge).json()["detail"]
    refused(client.post(URL, {"text": "x" * 200_000}, format="multipart"), 413)
    refused(client.post(URL, {"text": "x" * 200_000}, format="json"), 413)


def test_form_of_who_is_signed_in_is_held_to_the_same_limits(seeing: Script, person):
    """A session's form is read before the view, to look for its token; nothing is different."""
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(person)
    client.get("/")
    client.credentials(HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value)

    refused(submit(client, photo() + bytes(images.MAX_BYTES + 200_000)), 413)
    assert submit(client).status_code == 202
    client.credentials()
    assert submit(client).status_code == 403


def test_upload_touches_no_disk_but_the_database(
    api: TokenMaker, seeing: Script, monkeypatch: pytest.MonkeyPatch
):
    """However large it is, no temporary file holds it for a moment."""
    for name in ("NamedTemporaryFile", "TemporaryFile", "mkstemp"):
        monkeypatch.setattr(f"tempfile.{name}", lambda *_a, **_k: pytest.fail("a file"))
    data = photo()

    assert submit(api(*RUN_AND_READ), data + bytes(4_000_000)).status_code == 202


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=é", "; boundary=x"])
def test_form_that_is_none_is_a_clear_error(api: TokenMaker, boundary: str):
    """No boundary, or nothing between two of them."""
    response = api(*RUN_AND_READ).post(
        URL, b"--y\r\nno form", content_type=f"multipart/form-data{boundary}"
    )

    refused(response)


# What goes wrong on the way


def test_image_waits_for_a_model_that_is_away(
    api: TokenMaker, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Nobody knows whether it sees, so the image is accepted; each try fails, and none loses it."""
    monkeypatch.setattr(jobs, "JITTER", 0)
    with standin() as script:
        script.capabilities = ("completion", "vision")
        script.chat = sight(script)
        settings.OLLAMA_HOST = script.url
    hosts.forget_client()
    client = api(*RUN_AND_READ)
    place = submit(client)["Location"]
    work()

    told = client.get(place).json()
    assert told["status"] == "queued"
    assert told["image"] == {"state": "waiting", "cache": "", "reason": "HostUnreachable"}
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
    # What was found is kept for the next time.
    seeing.chat = sight(Script())
    client.post(f"{place}retry/")
    work()
    assert client.get(place).json()["image"]["cache"] == "hit"
    assert len(looks(seeing)) == 1


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


# What is kept, and for how long


def files_with(piece: bytes) -> list[str]:
    """Return the names of the site's files that hold these bytes."""
    found = site_settings.VAR_DIR.rglob("*")
    return [path.name for path in found if path.is_file() and piece in path.read_bytes()]


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


# The page


@pytest.fixture
def browser(client: Client, person) -> Client:
    client.force_login(person)
    return client


def test_picture_of_the_form_is_described_on_the_page(browser: Client, seeing: Script):
    """The form takes a picture without words, and its page shows what was seen."""
    sent = {"text": "", "timezone": "", "image": SimpleUploadedFile("a.webp", photo("WEBP"))}
    page = browser.post("/", sent, follow=True)
    place = page.redirect_chain[-1][0]
    assert "has its picture described first" in page.content.decode()
    work()

    done = browser.get(place).content.decode()
    assert SHOWN in done
    assert 'data-finished="true"' in done
    assert StageResult.objects.count() == 2


def test_form_says_at_the_picture_what_is_wrong_with_it(browser: Client, model: Script):
    """No image, or no model that sees: 400, what is accepted, and the words are kept."""
    for file, told in (
        (encoded(halves(), "GIF"), "JPEG, PNG or WebP image of at most 5 MB"),
        (photo(), "standin:1b cannot see images"),
    ):
        response = browser.post("/", {"text": "My day", "image": SimpleUploadedFile("a", file)})
        page = response.content.decode()
        assert response.status_code == 400
        errors = page.partition('<ul id="image-errors"')[2].partition("</ul>")[0]
        assert told in errors
        assert "My day" in page
        assert 'id="text-errors"' not in page
    assert not Reflection.objects.exists()


def test_form_without_a_picture_is_as_before(browser: Client, model: Script):
    """Browsers send an empty file where none was chosen."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nMy day\r\n'
        b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )
    response = browser.post("/", body, content_type="multipart/form-data; boundary=x")

    assert response.status_code == 302
    assert Reflection.objects.get().text == "My day"


def test_page_of_a_failed_description_says_why(browser: Client, seeing: Script):
    """And that the picture is still there."""
    page = browser.post("/", {"image": SimpleUploadedFile("a.jpg", photo())}, follow=True)
    seeing.capabilities = ("completion",)
    work()

    done = browser.get(page.redirect_chain[-1][0]).content.decode()
    assert "The picture could not be described (ModelCannotSee)" in done
    assert Job.objects.get().status == Status.FAILED


def test_upload_far_too_large_is_413_on_the_page(browser: Client):
    """The page says what is accepted."""
    huge = SimpleUploadedFile("a.jpg", bytes(images.MAX_BYTES + 200_000))
    response = browser.post("/", {"image": huge})

    assert response.status_code == 413
    assert "an image of 5 MB" in response.content.decode()
