"""What tests of several folders share."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from cachestats.cache import make_cache
from cachestats.config.current import forget
from enrichment import calls, hosts
from enrichment.webhooks import outbox
from perfsite import throttles
from perfsite.models import AccessToken, Scope
from tests.databases import cache_copied_to, leading_to
from tests.engines import running_engine
from tests.servers import running_postgres
from tests.standin import Script, standin

# Machines differ, and a busy one makes any test slow: that is no finding.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")


# What a migration made and no test changes.
KEPT_TABLES = {"django_content_type", "auth_permission"}


@pytest.fixture(autouse=True, scope="session")
def quick_emptying() -> Iterator[None]:
    """Tables are emptied after a test but for the permissions, which Django would make anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


def empty_tables(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        changed = [table for table in tables if table not in KEPT_TABLES]
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), changed))


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Each test sees the process as it is after its start: nothing is cached or counted yet."""
    make_cache.cache_clear()
    hosts.forget_client()
    forget()
    outbox.forget()
    # Users' numbers begin anew with each test's tables; so do their counts.
    for counts in ("throttles.sqlite3", "logins.sqlite3"):
        (settings.VAR_DIR / counts).unlink(missing_ok=True)
    throttles.forget()
    yield
    make_cache.cache_clear()
    # Or what a test did not write would be written when all end, to no test's database.
    calls.forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give both databases to whatever asks for `databases`."""
    for item in items:
        if "databases" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.django_db(transaction=True, databases="__all__"))


@pytest.fixture
def databases(transactional_db: None) -> None:
    """Real tables in both databases, committed to files, empty before each test."""


@pytest.fixture
def cache_file(databases: None, tmp_path: Path) -> Iterator[Path]:
    """The cache's file, a copy for this test alone: whatever damages the file damages this one."""
    path = tmp_path / "cache.sqlite3"
    with cache_copied_to(path):
        yield path


@pytest.fixture
def person() -> User:
    """Somebody who may sign in and no more."""
    return User.objects.create_user("ada", password="pass")


@pytest.fixture
def api() -> "TokenMaker":
    """Makes API clients by token."""
    return TokenMaker()


class TokenMaker:
    """Makes API clients that hold a token of a service."""

    def __call__(self, *scopes: Scope | str, owner: str = "", name: str = "web") -> APIClient:
        user, _ = User.objects.get_or_create(username=name)
        _, token = AccessToken.objects.create(
            user=user,
            name=name,
            scopes=[str(scope) for scope in scopes],
            owner=owner,
            service=True,
        )
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client


@pytest.fixture
def one_variant(settings: Settings, tmp_path: Path) -> None:
    """One text for each feeling: nothing is made ahead, and the same again is the same."""
    settings.PERF_CONFIG = tmp_path / "one_variant.json"
    settings.PERF_CONFIG.write_text('{"inference": {"variants": 1}}')


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of an embedded model that all tests of the session share."""
    with running_engine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine.url


@pytest.fixture(scope="session")
def postgres_url(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The URL of a PostgreSQL that has the cache's tables."""
    with running_postgres() as url:
        with django_db_blocker.unblock(), leading_to(url, "cache"):
            call_command("migrate", database="cache", verbosity=0)
        yield url


@pytest.fixture(scope="session")
def main_postgres_url(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> str:
    """The URL of another database in it, which has the main database's tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE main")
    url = f"{postgres_url.rpartition('/')[0]}/main"
    with django_db_blocker.unblock(), leading_to(url, "default"):
        call_command("migrate", verbosity=0)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def main_database(databases: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """The main database, in a SQLite file or in PostgreSQL."""
    if request.param == "sqlite":
        yield
        return
    with leading_to(request.getfixturevalue("main_postgres_url"), "default"):
        yield
        call_command("flush", verbosity=0, interactive=False, allow_cascade=True)


@pytest.fixture
def model(settings: Settings) -> Iterator[Script]:
    """A scripted model that the site uses."""
    with standin() as script:
        settings.OLLAMA_HOST = script.url
        hosts.forget_client()
        yield script
