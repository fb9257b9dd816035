"""What a page asks of the databases, for whoever may see it: few queries, and no count of much."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from enrichment import host_looks
from enrichment.models import Reflection
from perfsite import seeding
from perfsite.roles import ROLES
from tests.clients import member
from tests.pages import PAGES, listening, places
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases", "model")

MOST_QUERIES = 15
SUPERUSER = "superuser"
EVERYBODY = (*ROLES, SUPERUSER)


@pytest.fixture
def used(model: Script) -> dict[str, str]:
    """A site that was used for a week: one of each that a page is about."""
    host_looks.forget()
    seeding.seed(reflections=40, entries=60, lookups=60, days=7, seed=1, now=timezone.now())
    return places()


@pytest.mark.parametrize("role", EVERYBODY)
def test_page_asks_little_whoever_looks(used: dict[str, str], role: str, client: Client):
    """At most 15 queries over all databases, permissions among them; no big table is counted."""
    who = User.objects.create_superuser(role) if role == SUPERUSER else member(role)
    Reflection.objects.update(submitted_by=who)
    client.force_login(who)
    costs, counted = {}, {}
    for page, least in PAGES.items():
        if EVERYBODY.index(role) < EVERYBODY.index(least):
            continue
        # What a process looks up once, it has.
        client.get(page.format(**used))
        with listening() as asked:
            answer = client.get(page.format(**used))
        assert answer.status_code == 200, page
        costs[page] = len(asked.statements)
        counted[page] = asked.counts_of_much()
    assert not {page: found for page, found in counted.items() if found}
    assert not {page: cost for page, cost in costs.items() if cost > MOST_QUERIES}
