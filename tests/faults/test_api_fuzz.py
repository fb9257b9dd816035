"""The API under a fuzzer: a short, seeded run; `make fuzz` does it at length on a whole site."""

from collections.abc import Callable

import pytest
from django.core.servers.basehttp import WSGIRequestHandler
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cachestats.cache import get_cache
from enrichment import tasks
from tests.conftest import TokenMaker
from tests.faults import api_fuzz
from tests.faults.api_fuzz import NOBODY, TOKENS
from tests.standin import Script, sight

SEED = 7
REFUSED = {401, 403, 404, 405}


@pytest.fixture
def site(
    databases: None,
    live_server: LiveServer,
    model: Script,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The address of a site in this process, without throttles, whose model can see."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, 0)
    # Else a body waits for its header to be acknowledged: 40 ms for each request.
    monkeypatch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)
    model.capabilities = ("completion", "vision")
    model.chat = sight(model)
    return live_server.url


def now_and_then() -> Callable[[int], None]:
    """Work on what was queued once three submissions were: no other worker is here."""
    queued = 0

    def see(status: int) -> None:
        nonlocal queued
        queued += status == 202
        if status == 202 and queued % 3 == 0:
            tasks.run_next_job()
            get_cache().flush()

    return see


def bearer(api: TokenMaker, caller: str) -> dict[str, str]:
    scopes, owner = TOKENS[caller]
    client = api(*scopes, owner=owner)
    return {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}


def test_api_does_what_its_description_says(site: str, api: TokenMaker) -> None:
    """Right data is accepted and wrong refused, each answer is described, each operation is met."""
    caller = "every scope"
    outcome = api_fuzz.prove(
        site,
        caller,
        bearer(api, caller),
        seed=SEED,
        examples=3,
        short=True,
        after=now_and_then(),
    )
    assert not outcome.failures, "\n".join(api_fuzz.report([outcome]))
    # Only what was given up after hours is sent again.
    assert outcome.unheard <= {"POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry/"}


def test_api_refuses_who_may_not_as_described(site: str, api: TokenMaker) -> None:
    """Two scopes reach what they are for and no more."""
    caller = "two scopes, one owner"
    outcome = api_fuzz.prove(
        site,
        caller,
        bearer(api, caller),
        seed=SEED,
        examples=3,
        phases=("examples", "fuzzing"),
        short=True,
    )
    assert not outcome.failures, "\n".join(api_fuzz.report([outcome]))
    assert outcome.unheard


def test_api_tells_a_stranger_nothing(site: str) -> None:
    """Without a token all is refused, whatever is sent."""
    outcome = api_fuzz.prove(
        site, NOBODY, {}, seed=SEED, examples=3, phases=("examples", "fuzzing"), short=True
    )
    assert not outcome.failures, "\n".join(api_fuzz.report([outcome]))
    assert set(outcome.statuses) <= REFUSED
