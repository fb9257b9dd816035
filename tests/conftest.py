"""What tests of several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from cachestats.cache import make_cache
from cachestats.config.current import forget
from enrichment import calls, hosts
from perfsite.models import AccessToken, Scope
from tests.engines import running_engine
from tests.standin import Script, standin


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Each test sees the process as it is after its start: no cache, client, config or calls."""
    make_cache.cache_clear()
    hosts.forget_client()
    forget()
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
def person() -> User:
    """Somebody who may sign in and no more."""
    return User.objects.create_user("ada", password="pass")


@pytest.fixture
def api() -> "TokenMaker":
    """Makes API clients by token."""
    return TokenMaker()


class TokenMaker:
    """Makes API clients that hold a token."""

    def __call__(self, *scopes: Scope | str, owner: str = "", name: str = "web") -> APIClient:
        user, _ = User.objects.get_or_create(username=name)
        _, token = AccessToken.objects.create(
            user=user, name=name, scopes=[str(scope) for scope in scopes], owner=owner
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


@pytest.fixture
def model(settings: Settings) -> Iterator[Script]:
    """A scripted model that the site uses."""
    with standin() as script:
        settings.OLLAMA_HOST = script.url
        hosts.forget_client()
        yield script
