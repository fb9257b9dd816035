"""What is left of a forgotten reflection: not a byte, by whatever way it was deleted."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone
from django_q.models import OrmQ
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from cachestats.models import CacheEntry
from enrichment import tasks
from enrichment.again import queue_again
from enrichment.models import HostState, Job, Reflection, StageResult
from tests.conftest import TokenMaker
from tests.pruning import prune
from tests.standin import Script, as_json, written
from tests.traces import files_with, forms

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")


@pytest.fixture
def word() -> str:
    """A word that no other test ever wrote; all of its characters but one are ASCII."""
    return f"zq{uuid.uuid4().hex}é"


def submit(client: APIClient, text: str) -> str:
    return client.post(URL, {"text": text}, format="json")["Location"]


def work() -> None:
    tasks.run_next_job()
    get_cache().flush()


def lived_through_everything(api: TokenMaker, model: Script, text: str) -> Reflection:
    """Return a reflection that was cancelled, retried, failed, fell back and was done again, whose
    text the model quoted in what it was to write.
    """
    client = api(*RUN_AND_READ)
    place = submit(client, text)
    client.post(f"{place}cancel/")
    client.post(f"{place}retry/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("enrichment.stages.lexicon.read", int)
        work()
    Job.objects.update(available_at="2020-01-01T00:00:00Z")
    plain = model.generate
    model.generate = lambda body: as_json({"error": f"no room for {body['prompt']}"}, 500)
    model.chat = lambda body: as_json({"error": f"no room for {body}"}, 500)
    work()
    HostState.objects.all().delete()
    model.generate, model.chat = plain, lambda _body: written(f"You wrote: {text}")
    queue_again()
    work()
    first, second = StageResult.objects.order_by("stage")
    assert (first.outcome, second.outcome) == ("model", "fallback")
    assert second.raw_reply == f"You wrote: {text}"
    assert Job.objects.get(purpose="submitted").last_error == "ValueError"
    return Reflection.objects.get()


def by_api(reflection: Reflection, api: TokenMaker) -> None:
    assert api(*RUN_AND_READ).delete(f"{URL}{reflection.pk}/").status_code == 204


def by_page(reflection: Reflection, api: TokenMaker) -> None:
    browser = Client()
    browser.force_login(User.objects.get(username="web"))
    assert browser.get(f"/reflections/{reflection.pk}/").status_code == 200
    assert browser.post(f"/reflections/{reflection.pk}/delete/").status_code == 302


def by_admin_page(reflection: Reflection, api: TokenMaker) -> None:
    path = f"/admin/enrichment/reflection/{reflection.pk}/"
    assert _root().get(f"{path}change/").status_code == 200
    assert _root().post(f"{path}delete/", {"post": "yes"}).status_code == 302


def by_admin_action(reflection: Reflection, api: TokenMaker) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [str(reflection.pk)], "post": "yes"}
    assert _root().post("/admin/enrichment/reflection/", chosen).status_code == 302


def by_age(reflection: Reflection, api: TokenMaker) -> None:
    Reflection.objects.update(created_at=timezone.now() - timedelta(days=31))
    with override_settings(REFLECTIONS_KEPT_DAYS=30):
        assert prune(Reflection) == 1


def _root() -> Client:
    root, _ = User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(root)
    return client


@pytest.mark.parametrize("delete", [by_api, by_page, by_admin_page, by_admin_action, by_age])
def test_forgotten_reflection_leaves_not_a_byte(
    api: TokenMaker, model: Script, word: str, delete: Callable[[Reflection, TokenMaker], None]
):
    """No file of the site holds its words in any form: databases, their logs, tickets, sessions."""
    text = f"I was so happy and grateful for {word} today"
    reflection = lived_through_everything(api, model, text)
    assert files_with(word, site_settings.VAR_DIR)
    assert CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()

    delete(reflection, api)

    assert not Reflection.objects.exists()
    assert not CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()
    assert files_with(word, site_settings.VAR_DIR) == []
    assert files_with(word[:-1], site_settings.VAR_DIR) == []


def test_words_that_a_page_showed_in_vain_leave_not_a_byte(
    client: Client, person: User, model: Script, word: str
):
    """What a form refused was never kept."""
    client.force_login(person)
    page = client.post("/reflections/", {"text": f"{word} " * 500})

    assert word in page.content.decode()
    assert files_with(word, site_settings.VAR_DIR) == []


def test_entry_that_another_reflection_holds_has_no_words(
    api: TokenMaker, model: Script, word: str
):
    """The same words twice: the first one's deletion leaves the entry, the second one's nothing;
    and what is left in between is in the second one's row alone.
    """
    client = api(*RUN_AND_READ)
    text = f"I was so happy and grateful for {word} today"
    first = submit(client, text)
    work()
    second = submit(client, text)

    client.delete(first)
    entry = CacheEntry.objects.get(cache_type="stage1_enrichment")
    assert not any(form in bytes(entry.value) for form in forms(word))
    assert [name.split(".")[0] for name in files_with(word, site_settings.VAR_DIR)] == [
        "test_default"
    ]
    client.delete(second)

    assert not CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()
    assert files_with(word, site_settings.VAR_DIR) == []


def test_tickets_carry_nothing(api: TokenMaker, model: Script, word: str):
    """A ticket says "look for work" and no more, so that none has to be searched for."""
    submit(api(*RUN_AND_READ), f"A day with {word}")

    task = OrmQ.objects.get().task
    assert (task["args"], task["kwargs"]) == ((), {})
    assert word not in json.dumps(task, default=str)


def test_entry_of_a_try_in_vain_goes_with_its_reflection(api: TokenMaker, model: Script, word: str):
    """A better Stage 1 was computed and kept, Stage 2 failed again: no result names that entry."""
    client = api(*RUN_AND_READ)
    model.chat = lambda _body: as_json({"error": "down"}, 500)
    plain, model.generate = model.generate, lambda _body: as_json({"error": "down"}, 500)
    place = submit(client, f"I was so happy about {word}")
    work()
    HostState.objects.all().delete()
    model.generate = plain
    queue_again()
    work()
    assert CacheEntry.objects.filter(cache_type="stage1_enrichment").count() == 1
    assert StageResult.objects.get(stage=1).key == ""

    assert client.delete(place).status_code == 204

    assert not CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()


def test_entry_of_a_cancelled_job_goes_with_its_reflection(
    api: TokenMaker, model: Script, word: str
):
    """It was cancelled while its Stage 1 was computed, which is kept, but no result was written."""
    client = api(*RUN_AND_READ)
    place = submit(client, f"I was so happy about {word}")
    plain = model.generate

    def cancel_meanwhile(body):
        client.post(f"{place}cancel/")
        return plain(body)

    model.generate = cancel_meanwhile
    work()
    assert CacheEntry.objects.count() == 1
    assert not StageResult.objects.exists()

    client.delete(place)

    assert not CacheEntry.objects.exists()
