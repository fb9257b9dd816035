"""The pages, as a browser gets them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enrichment import tasks
from enrichment.models import Reflection
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

TEXT = "I'm feeling grateful for my sister today"


@pytest.fixture
def browser(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def submit(browser: Client, text: str = TEXT):
    return browser.post("/reflections/", {"text": text, "timezone": "Europe/Berlin"}, follow=True)


@pytest.mark.parametrize(
    "path", ["/", "/reflections/", "/reflections/00000000-0000-0000-0000-000000000000/"]
)
def test_page_needs_a_sign_in(client: Client, path: str):
    """Nobody sees a page anonymously."""
    response = client.get(path)

    assert response.status_code == 302
    assert response["Location"].startswith("/login/")


def test_overview_of_an_empty_site_says_what_to_do(browser: Client):
    """Before the first look-up there are no numbers to show, and no error."""
    response = browser.get("/")

    assert response.status_code == 200
    assert "Write a reflection" in response.content.decode()


def test_submitted_reflection_is_shown_stage_by_stage(browser: Client, model: Script):
    """The form leads to the reflection's page, which has both stages once the worker is done."""
    page = submit(browser)
    location = page.redirect_chain[-1][0]
    assert 'class="badge busy"' in page.content.decode()

    tasks.run_next_job()
    done = browser.get(location).content.decode()

    assert ">complete<" in done
    assert "grateful" in done
    assert "The rain is slow on the kitchen roof." in done
    assert Reflection.objects.get().timezone == "Europe/Berlin"


def test_second_submission_shows_hits(browser: Client, model: Script):
    """The same text again is finished when its page opens, and both stages say hit."""
    submit(browser)
    tasks.run_next_job()

    page = submit(browser).content.decode()

    assert ">complete<" in page
    assert page.count(">hit<") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("   ", "is empty"), ("x" * 5001, "at most 5,000")],
)
def test_bad_text_is_told_at_the_field_and_kept(browser: Client, text: str, message: str):
    """The form says what is wrong and what is accepted, keeps the text and stores nothing."""
    response = submit(browser, text)

    page = response.content.decode()
    assert response.status_code == 400
    assert message in page
    assert text.strip() in page
    assert not Reflection.objects.exists()


def test_line_ends_of_browsers_count_once(browser: Client, model: Script):
    """A text of legal length is accepted although browsers send two characters per line end."""
    response = submit(browser, "a\r\n" * 2500)

    assert response.status_code == 200
    assert len(Reflection.objects.get().text) == 5000


def test_other_persons_reflection_is_not_found(browser: Client, model: Script, client: Client):
    """A page of somebody else is 404, for reading and for deleting."""
    location = submit(browser).redirect_chain[-1][0]
    client.force_login(User.objects.create_user("bob"))

    assert client.get(location).status_code == 404
    assert client.post(f"{location}delete/").status_code == 404
    assert Reflection.objects.exists()


def test_deleting_forgets_the_reflection(browser: Client, model: Script):
    """The button on the page forgets the reflection and leads back to the list."""
    location = submit(browser).redirect_chain[-1][0]

    response = browser.post(f"{location}delete/")

    assert response["Location"] == "/reflections/"
    assert not Reflection.objects.exists()


def test_text_is_escaped(browser: Client, model: Script):
    """What a person wrote is text on the page, never markup."""
    page = submit(browser, "<script>alert(1)</script> happy").content.decode()

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_overview_shows_no_text(browser: Client, model: Script):
    """The list of recent reflections tells when and how, not what was written."""
    submit(browser, "zyxgrobble and gratitude")
    tasks.run_next_job()

    assert "zyxgrobble" not in browser.get("/").content.decode()


def test_overview_takes_few_queries_however_many_reflections_there_are(
    browser: Client, model: Script, django_assert_max_num_queries
):
    """The page's cost does not grow with what it lists."""
    for number in range(5):
        submit(browser, f"Happy day number {number}")
        tasks.run_next_job()

    with django_assert_max_num_queries(25):
        browser.get("/")


def test_every_page_has_the_content_security_policy(browser: Client):
    """Pages run no inline script and load nothing from elsewhere."""
    response = browser.get("/")

    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert " style=" not in response.content.decode()
    assert "onclick" not in response.content.decode()


def test_text_too_large_to_be_read_is_told_so(browser: Client):
    """A form beyond what is read at all is 413 and says what is accepted."""
    response = submit(browser, "x" * 200_000)

    assert response.status_code == 413
    assert "at most 5,000 characters" in response.content.decode()
    assert not Reflection.objects.exists()
