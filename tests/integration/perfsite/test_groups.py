"""What viewers, operators and admins reach: in pages, the API and the admin."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission, User
from django.db import connections
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cachestats import changelists
from cachestats.models import CacheEntry, ConfigRevision
from enrichment import jobs
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from perfsite.roles import ADMIN, OPERATOR, ROLES, VIEWER
from tests.clients import member

pytestmark = pytest.mark.usefixtures("databases")

SECRET = "zyxgrobble"
PAGES = [
    *("/reflections/", "/jobs/", "/models/", "/configuration/", "/configuration/history/"),
    *("/cache/", "/cache/audit/", "/cache/purge/"),
]
LISTS = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry]


def signed_in_as(role: str) -> Client:
    """Return the browser of somebody of a group who may enter the admin."""
    client = Client()
    client.force_login(member(role, is_staff=True))
    return client


@pytest.fixture
def reflection() -> Reflection:
    """Somebody else's, whose work failed."""
    found = Reflection.objects.create(
        text=f"{SECRET} and a grateful evening",
        owner=f"{SECRET}-owner",
        submitted_by=User.objects.create_user("web"),
        key_scope="site",
        timestamp=timezone.now(),
    )
    jobs.create(found, priority=Priority.INTERACTIVE, status=Status.FAILED)
    return found


def addresses(reflection: Reflection) -> list[str]:
    """Return what could show a reflection, or what was made of it."""
    job = Job.objects.get()
    return [
        "/",
        *PAGES,
        f"/reflections/{reflection.pk}/",
        f"/jobs/{job.pk}/",
        "/api/v1/reflections/",
        f"/api/v1/reflections/{reflection.pk}/",
        "/api/v1/metrics/summary/",
        "/metrics",
        *LISTS,
        "/admin/",
        f"/admin/enrichment/reflection/{reflection.pk}/change/",
        f"/admin/enrichment/reflection/?q={SECRET}",
        f"/admin/enrichment/job/{job.pk}/change/",
    ]


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
def test_no_word_of_others_is_shown(reflection: Reflection, role: str) -> None:
    """Neither text nor owner nor refused reply, wherever a viewer or operator looks."""
    StageResult.objects.create(
        reflection=reflection, stage=1, result={}, outcome="fallback", cache="miss",
        duration_ms=1, raw_reply=SECRET,
    )  # fmt: skip
    client = signed_in_as(role)
    for address in addresses(reflection):
        answer = client.get(address)
        assert answer.status_code in {200, 403, 404}, address
        # What was searched for stands in the search field.
        told = answer.content.decode().replace(f"q={SECRET}", "").replace(f'value="{SECRET}"', "")
        assert SECRET not in told, address


def test_admin_reads_others_texts(reflection: Reflection) -> None:
    """By page, API and admin."""
    client = signed_in_as(ADMIN)
    for address in (
        f"/reflections/{reflection.pk}/",
        f"/api/v1/reflections/{reflection.pk}/",
        f"/admin/enrichment/reflection/{reflection.pk}/change/",
    ):
        assert SECRET in client.get(address).content.decode(), address


def cached() -> CacheEntry:
    """Return an entry to purge."""
    return CacheEntry.objects.create(
        id=1, digest=bytes(7) + b"\x01" + bytes(24), cache_type="api", value=b"{}", checksum=0,
        size_bytes=2, cost_ms=1, created_ms=1, expires_ms=2**41,
    )  # fmt: skip


def actions(
    reflection: Reflection, entry: CacheEntry
) -> dict[str, tuple[str, dict[str, Any], str]]:
    """Return what acts, by name: an address, what is posted, and who of the groups may first."""
    job, number = Job.objects.get(), reflection.pk
    picked = {"action": "purge", "_selected_action": [entry.pk], "confirmed": "yes"}
    return {
        "purge": ("/admin/cachestats/cacheentry/", picked, OPERATOR),
        "purge by API": ("/api/v1/cache/purge/", {"type": "api"}, OPERATOR),
        "retry": (
            "/admin/enrichment/job/",
            {"action": "retry", "_selected_action": [job.pk]},
            OPERATOR,
        ),
        "retry by API": ("/api/v1/reflections/retry/", {"status": ["failed"]}, OPERATOR),
        "retry one by API": (f"/api/v1/reflections/{number}/retry/", {}, ADMIN),
        "configure": (
            "/admin/cachestats/configrevision/add/",
            {"overlay": '{"caching": {"ttl_api": 5}}', "reason": ""},
            ADMIN,
        ),
        "delete": (f"/admin/enrichment/reflection/{number}/delete/", {"post": "yes"}, ADMIN),
        "delete on its page": (f"/reflections/{number}/delete/", {}, ADMIN),
    }


def state() -> tuple[Any, ...]:
    """Return what actions change."""
    return (
        CacheEntry.objects.count(),
        list(Job.objects.values_list("status", flat=True)),
        ConfigRevision.objects.count(),
        Reflection.objects.count(),
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "name",
    [
        *(
            "purge",
            "purge by API",
            "retry",
            "retry by API",
            "retry one by API",
            "configure",
            "delete",
        ),
        "delete on its page",
    ],
)
def test_action_changes_something_for_who_may_alone(
    reflection: Reflection, role: str, name: str
) -> None:
    """A viewer changes nothing, an operator what is the cache's and the jobs', an admin all."""
    address, body, least = actions(reflection, cached())[name]
    client, before = signed_in_as(role), state()
    kind = {"content_type": "application/json"} if address.startswith("/api/") else {}
    client.post(address, body, **kind)
    may = ROLES.index(role) >= ROLES.index(least)
    assert (state() != before) == may


@pytest.mark.parametrize("address", LISTS)
def test_viewer_is_offered_no_action(reflection: Reflection, address: str) -> None:
    """What they may not do isn't there to choose, nor to add."""
    page = signed_in_as(VIEWER).get(address)
    assert page.status_code in {200, 403}
    told = page.content.decode()
    assert 'name="action"' not in told
    assert "addlink" not in told


@pytest.mark.parametrize("address", [*PAGES, "/jobs/{job}/"])
def test_viewer_is_offered_no_action_on_pages(reflection: Reflection, address: str) -> None:
    """What can be sent is to sign out, and to write a reflection of one's own."""
    page = signed_in_as(VIEWER).get(address.format(job=Job.objects.get().pk))
    assert page.status_code == (403 if address == "/cache/purge/" else 200)
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page.content.decode(), re.DOTALL)
    sent = [form for form in forms if "<button" in form or 'type="submit"' in form]
    assert [form for form in sent if not re.search(r'action="/(logout|reflections)/"', form)] == []


@pytest.mark.parametrize("role", ROLES)
def test_who_is_not_of_the_staff_stays_out_of_the_admin(role: str) -> None:
    """A group alone is no key to it."""
    client = Client()
    client.force_login(member(role))
    assert client.get("/admin/").status_code == 302


# Lists of any length


@pytest.mark.parametrize("address", ["/admin/", *LISTS])
def test_no_list_counts_all_rows(reflection: Reflection, client: Client, address: str) -> None:
    """Each count is of rows within a limit, and no column's values are gathered."""
    if any(part in address for part in ("django_q", "/auth/")):
        # Bounded by what the queue keeps, and by how many people there are.
        return
    client.force_login(User.objects.create_superuser("root"))
    with CaptureQueriesContext(connections["default"]) as main:
        assert client.get(address).status_code == 200
    with CaptureQueriesContext(connections["cache"]) as cache:
        client.get(address)
    asked = [query["sql"].upper() for query in (*main, *cache)]
    assert not [sql for sql in asked if "COUNT(" in sql and "LIMIT" not in sql]
    assert not [sql for sql in asked if "DISTINCT" in sql]
    assert len(main) <= 15


def test_list_says_that_there_are_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not counted is not told as a number."""
    monkeypatch.setattr(changelists, "COUNTED", 1_000)
    now = timezone.now()
    Reflection.objects.bulk_create(
        Reflection(text="x", key_scope="site", timestamp=now) for _ in range(1_001)
    )
    client.force_login(User.objects.create_superuser("root"))
    told = client.get("/admin/enrichment/reflection/").content.decode()
    assert "more than 1,000 reflections" in told
    Reflection.objects.last().delete()
    assert "1000 reflections" in client.get("/admin/enrichment/reflection/").content.decode()


def test_list_is_narrowed_to_the_last_days(reflection: Reflection, client: Client) -> None:
    """By links that the page offers itself."""
    client.force_login(User.objects.create_superuser("root"))
    old = Reflection.objects.create(text="x", key_scope="site", timestamp=timezone.now())
    Reflection.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=20))
    filters = client.get("/admin/enrichment/reflection/").context_data["cl"]
    offered = {
        choice["display"]: choice["query_string"]
        for choice in filters.filter_specs[0].choices(filters)
    }
    for title, found in (("Today", 1), ("Last 7 days", 1), ("Last 30 days", 2), ("Any time", 2)):
        page = client.get(f"/admin/enrichment/reflection/{offered[title]}")
        assert page.context_data["cl"].result_count == found, title


@pytest.mark.parametrize("wanted", ["{pk}", "zyxgrobble-owner"])
def test_reflection_is_found_by_its_whole_id_or_owner(
    reflection: Reflection, client: Client, wanted: str
) -> None:
    """And by no part of either, for which every row would be read."""
    client.force_login(User.objects.create_superuser("root"))
    for written, found in ((wanted.format(pk=reflection.pk), 1), ("zyx", 0)):
        page = client.get("/admin/enrichment/reflection/", {"q": written})
        assert page.context_data["cl"].result_count == found


@pytest.mark.parametrize(("wanted", "found"), [("job", 1), ("reflection", 1), ("x", 0), ("", 1)])
def test_job_is_found_by_its_number_or_reflection(
    reflection: Reflection, client: Client, wanted: str, found: int
) -> None:
    """Whatever else is written finds none."""
    client.force_login(User.objects.create_superuser("root"))
    known = {"job": Job.objects.get().pk, "reflection": reflection.pk}
    page = client.get("/admin/enrichment/job/", {"q": known.get(wanted, wanted)})
    assert page.context_data["cl"].result_count == found


# Look-ups

NO_CHOICE_YET = {"cache_type", "groups__isnull", "endpoint__isnull"}


@pytest.mark.parametrize("model", site._registry, ids=lambda model: model._meta.label_lower)
def test_list_is_asked_by_its_own_filters_alone(model: type[Model], client: Client) -> None:
    """Any other look-up is refused: by it, what a list hides could be read letter by letter."""
    client.force_login(User.objects.create_superuser("root"))
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    filters = client.get(address).context_data["cl"].filter_specs
    # Those of filters that have nothing to choose from yet are not among the page's.
    own = {name for each in filters for name in each.expected_parameters()} | NO_CHOICE_YET
    fields = [field.name for field in model._meta.get_fields()]
    for name in (*fields, "pk", "nothing", "reflection__text", "user__password"):
        for lookup in ("", "__startswith", "__regex", "__isnull"):
            if name + lookup not in own:
                assert client.get(address, {name + lookup: "1"}).status_code == 400, name + lookup


@pytest.mark.parametrize("address", LISTS)
def test_each_choice_of_a_filter_opens(
    reflection: Reflection, client: Client, address: str
) -> None:
    """What a list offers it also takes."""
    client.force_login(User.objects.create_superuser("root"))
    changelist = client.get(address).context_data["cl"]
    for each in changelist.filter_specs:
        for choice in each.choices(changelist):
            offered = choice["query_string"]
            assert client.get(f"{address}{offered}").status_code == 200, offered


# Accounts


def test_admin_makes_nobody_more_than_themselves() -> None:
    """No superuser, no single permission, no group beyond their own."""
    client, ada = signed_in_as(ADMIN), User.objects.create_user("ada")
    beyond = Group.objects.create(name="beyond")
    beyond.permissions.add(Permission.objects.get(codename="change_group"))
    form = client.get(f"/admin/auth/user/{ada.pk}/change/").context_data["adminform"].form
    assert not {"is_superuser", "user_permissions"} & set(form.fields)
    assert {group.name for group in form.fields["groups"].queryset} == set(ROLES)
    body = {
        "username": "ada", "is_active": "on", "is_superuser": "on",
        "groups": [Group.objects.get(name=OPERATOR).pk],
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip
    client.post(f"/admin/auth/user/{ada.pk}/change/", body)
    ada.refresh_from_db()
    assert not ada.is_superuser
    assert [group.name for group in ada.groups.all()] == [OPERATOR]
    client.post(f"/admin/auth/user/{ada.pk}/change/", {**body, "groups": [beyond.pk]})
    assert [group.name for group in ada.groups.all()] == [OPERATOR]


def test_admin_does_not_take_over_a_superuser() -> None:
    """Neither by the account nor by its password."""
    client, root = signed_in_as(ADMIN), User.objects.create_superuser("root", password="pass")
    new = {"password1": "another-Secret-9", "password2": "another-Secret-9"}
    assert client.post(f"/admin/auth/user/{root.pk}/password/", new).status_code == 403
    assert client.post(f"/admin/auth/user/{root.pk}/change/", {"username": "x"}).status_code == 403
    root.refresh_from_db()
    assert root.check_password("pass")


@pytest.mark.parametrize("by", ["group", "permission"])
def test_admin_does_not_take_over_who_has_more_and_is_inactive(by: str) -> None:
    """What an account had, it would have again with its activity."""
    client, bob = signed_in_as(ADMIN), User.objects.create_user("bob", is_active=False)
    more = Permission.objects.get(codename="change_group")
    if by == "group":
        beyond = Group.objects.create(name="beyond")
        beyond.permissions.add(more)
        bob.groups.add(beyond)
    else:
        bob.user_permissions.add(more)
    new = {"password1": "another-Secret-9", "password2": "another-Secret-9"}
    assert client.post(f"/admin/auth/user/{bob.pk}/password/", new).status_code == 403
    assert client.post(f"/admin/auth/user/{bob.pk}/change/", {"username": "x"}).status_code == 403
    assert client.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 403


# Refusals


@pytest.mark.parametrize(
    ("role", "address", "words", "group"),
    [
        (VIEWER, "/admin/enrichment/reflection/", "list of everybody’s reflections", "admin"),
        (VIEWER, "/admin/cachestats/configrevision/add/", "change the configuration", "admin"),
        (ADMIN, "/admin/django_q/schedule/", "django_q.view_schedule", None),
    ],
)
def test_refusal_says_what_is_missing_and_whom_to_ask(
    role: str, address: str, words: str, group: str | None
) -> None:
    """In plain words, with the group that has it; by its name where no group has."""
    page = signed_in_as(role).get(address)
    told = " ".join(page.content.decode().split())
    assert page.status_code == 403
    assert words in told
    assert "Ask whoever runs this site" in told
    assert (f"the group <strong>{group}</strong> has" in told) == (group is not None)
