"""Pictures on the pages.

No model here can see: a scripted server that speaks Ollama's API stands in for one that can.
"""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enrichment import images
from enrichment.models import Job, Reflection, StageResult, Status
from tests.pictures import encoded, halves, photo
from tests.seeing import work
from tests.standin import SHOWN, Script

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def browser(client: Client, person) -> Client:
    client.force_login(person)
    return client


def test_picture_of_the_form_is_described_on_the_page(browser: Client, seeing: Script):
    """The form takes a picture without words, and its page shows what was seen."""
    sent = {"text": "", "timezone": "", "image": SimpleUploadedFile("a.webp", photo("WEBP"))}
    page = browser.post("/reflections/", sent, follow=True)
    place = page.redirect_chain[-1][0]
    assert "has its picture described first" in page.content.decode()
    work()

    done = browser.get(place).content.decode()
    assert SHOWN in done
    assert ">complete<" in done
    assert StageResult.objects.count() == 2


def test_form_says_at_the_picture_what_is_wrong_with_it(browser: Client, model: Script):
    """No image, or no model that sees: 400, what is accepted, and the words are kept."""
    for file, told in (
        (encoded(halves(), "GIF"), "JPEG, PNG or WebP image of at most 5 MB"),
        (photo(), "standin:1b cannot see images"),
    ):
        response = browser.post(
            "/reflections/", {"text": "My day", "image": SimpleUploadedFile("a", file)}
        )
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
    response = browser.post("/reflections/", body, content_type="multipart/form-data; boundary=x")

    assert response.status_code == 302
    assert Reflection.objects.get().text == "My day"


def test_page_of_a_failed_description_says_why(browser: Client, seeing: Script):
    """And that the picture is still there."""
    page = browser.post(
        "/reflections/", {"image": SimpleUploadedFile("a.jpg", photo())}, follow=True
    )
    seeing.capabilities = ("completion",)
    work()

    done = browser.get(page.redirect_chain[-1][0]).content.decode()
    assert "The picture could not be described (ModelCannotSee)" in done
    assert Job.objects.get().status == Status.FAILED


def test_upload_far_too_large_is_413_on_the_page(browser: Client):
    """The page says what is accepted."""
    huge = SimpleUploadedFile("a.jpg", bytes(images.MAX_BYTES + 200_000))
    response = browser.post("/reflections/", {"image": huge})

    assert response.status_code == 413
    assert "an image of 5 MB" in response.content.decode()
