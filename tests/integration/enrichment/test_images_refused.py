"""Images that are not accepted: named with what is, before anything is sent or kept.

No model here can see: a scripted server that speaks Ollama's API stands in for one that can.
"""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from enrichment import hosts, images, services
from enrichment.errors import ModelCannotSee
from enrichment.models import Reflection
from tests.conftest import TokenMaker
from tests.pictures import encoded, halves, photo
from tests.seeing import RUN_AND_READ, URL, submit
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")


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
    """By its content, whatever it is called; once nothing else is wrong."""
    client = api(*RUN_AND_READ)
    gif = encoded(halves(), "GIF")

    assert set(refused(submit(client, gif, timezone="Mars/Olympus"))) == {"timezone"}
    told = refused(submit(client, gif))
    assert set(told) == {"image"}
    assert images.ACCEPTED in told["image"]
    assert seeing.asked == []


def test_image_that_finds_no_place_is_503_with_the_time_to_wait(
    api: TokenMaker, seeing: Script, person, monkeypatch: pytest.MonkeyPatch
):
    """It may be a good one; the page says so too."""
    full = SimpleNamespace(acquire=lambda timeout: timeout < 0)
    monkeypatch.setattr(images, "_one_at_a_time", full)

    response = submit(api(*RUN_AND_READ))
    browser = Client()
    browser.force_login(person)
    page = browser.post(
        "/reflections/", {"text": "", "image": SimpleUploadedFile("a.jpg", photo())}
    )

    refused(response, 503)
    assert response["Retry-After"] == str(images.WAIT_SECONDS)
    for told in (response.json()["detail"], page.content.decode()):
        assert "Too many images are being read; try again in 20 seconds." in told


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
