"""The client of other APIs with the site's own cache: what is asked once, and what each time."""

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from cachestats.cache import PerfCache, get_cache
from cachestats.config.schema import Caching
from cachestats.models import CacheEntry, Failure, LookupBatch
from cachestats.services import PurgeFilter
from cachestats.stores import SqliteStore
from enrichment.api_clients import make_api_client
from enrichment.inference.api_errors import ApiFailed, ApiRefused, ApiTimedOut
from enrichment.inference.http import ApiClient
from enrichment.inference.http_messages import ApiResponse
from tests.apis import Answer, Api, Asked, as_json, running_api

pytestmark = pytest.mark.usefixtures("databases")

SONGS = {"songs": ["Here Comes the Rain", "Größe", 7]}
DAY = 86_400


@pytest.fixture(autouse=True)
def quick_tuning(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, and nothing between the test and its server."""
    settings.PERF_CONFIG = tmp_path / "quick.json"
    settings.PERF_CONFIG.write_text('{"networking": {"retry_backoff_ms": [1]}}')
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api() -> Iterator[Api]:
    """A scripted API."""
    with running_api() as served:
        served.script(as_json(SONGS))
        yield served


def run(use: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    """Use the site's client, as a worker does, in an event loop of its own."""

    async def main() -> Any:
        async with make_api_client() as client:
            return await use(client)

    return asyncio.run(main())


def get(url: str, **more: Any) -> ApiResponse:
    answer: ApiResponse = run(lambda client: client.get(url, **more))
    return answer


def lifetimes() -> list[int]:
    """Return how many seconds each entry lives, as it was stored."""
    rows = CacheEntry.objects.values_list("expires_ms", "created_ms")
    return [(expires - created) // 1000 for expires, created in rows]


def test_second_get_is_a_hit_and_asks_nobody(api: Api) -> None:
    """The same body, and headers that tell of it; of type `api`, labelled with the host."""
    first, second = get(f"{api.url}/rain"), get(f"{api.url}/rain")
    assert [answer.cache for answer in (first, second)] == ["miss", "hit"]
    assert second.content == first.content
    assert second.json() == SONGS
    assert second.headers["content-type"] == "application/json"
    assert len(api.asked) == 1
    entry = CacheEntry.objects.get()
    assert (entry.cache_type, entry.model) == ("api", api.url.removeprefix("http://"))


def test_bytes_that_are_no_text_come_back(api: Api) -> None:
    """An image, say."""
    image = bytes(range(256))
    api.script(Answer(body=image))
    assert [get(api.url).content, get(api.url).content] == [image, image]
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("headers", "more", "seconds"),
    [
        ({}, {}, DAY),
        ({"Cache-Control": "max-age=60"}, {}, 60),
        ({"Cache-Control": "max-age=60", "Age": "20"}, {}, 40),
        ({"Cache-Control": "max-age=9, s-maxage=60"}, {}, 60),
        ({"Cache-Control": "public"}, {"ttl": 30}, 30),
        ({"Cache-Control": "max-age=60"}, {"ttl": 30}, 30),
        ({"Vary": "Accept-Language"}, {}, DAY),
    ],
)
def test_answer_is_kept_as_long_as_it_may_be(
    api: Api, headers: dict[str, str], more: dict[str, Any], seconds: int
) -> None:
    """As it says itself, less its age; else as the caller says, else `ttl_api`."""
    api.script(Answer(headers=headers))
    get(api.url, **more)
    assert lifetimes() == [seconds]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache-Control": "no-store"},
        {"Cache-Control": "max-age=60, Private"},
        {"Cache-Control": "no-cache"},
        {"Cache-Control": "max-age=0"},
        {"Vary": "*"},
        {"Set-Cookie": "session=1"},
    ],
)
def test_answer_that_may_not_be_kept_is_asked_for_each_time(
    api: Api, headers: dict[str, str]
) -> None:
    """By whoever asks."""
    api.script(Answer(headers=headers))
    assert [get(api.url).cache, get(api.url).cache] == ["miss", "miss"]
    assert len(api.asked) == 2
    assert not CacheEntry.objects.exists()


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"Cache-Control": "no-cache"}},
        {"headers": {"cache-control": "no-store"}},
        {"ttl": 0},
    ],
)
def test_caller_may_go_past_the_cache(api: Api, how: dict[str, Any]) -> None:
    """Nothing is looked up, and nothing is kept."""
    get(api.url)
    assert get(api.url, **how).cache == "bypass"
    assert len(api.asked) == 2
    assert CacheEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}),
        ({"Authorization": "Bearer a"}, {}),
        ({"X-Api-Key": "a"}, {"X-Api-Key": "b"}),
        ({"Accept-Language": "de"}, {"Accept-Language": "en"}),
    ],
)
def test_two_credentials_never_share_an_answer(
    api: Api, one: dict[str, str], other: dict[str, str]
) -> None:
    """Nor do two languages; the same ones do, however the name is written."""
    lowered = {name.lower(): text for name, text in one.items()}
    states = [get(api.url, headers=headers).cache for headers in (one, other, one, lowered)]
    assert states == ["miss", "miss", "hit", "hit"]


def test_other_credentials_leave_no_trace_in_the_reasons(api: Api) -> None:
    """Why a look-up missed does not tell what somebody else asked."""
    get(api.url, headers={"Authorization": "Bearer a"})
    get(api.url, headers={"Authorization": "Bearer b"})
    get_cache().flush()
    assert set(LookupBatch.objects.values_list("reason", flat=True)) == {"first_seen"}


def test_equal_gets_at_once_ask_once(api: Api) -> None:
    """One is a miss, the others get its answer."""
    api.script(Answer(body=b"[1]", after=0.1))

    async def use(client: ApiClient) -> list[ApiResponse]:
        return list(await asyncio.gather(*(client.get(api.url) for _ in range(20))))

    answers = run(use)
    assert sorted(answer.cache for answer in answers) == ["collapsed"] * 19 + ["miss"]
    assert {answer.content for answer in answers} == {b"[1]"}
    assert len(api.asked) == 1


def test_equal_gets_at_once_share_no_answer_that_may_not_be_kept(api: Api) -> None:
    """A token that is good once must reach one of them."""
    numbers = itertools.count()

    def answer(_asked: Asked) -> Answer:
        return Answer(body=b"%d" % next(numbers), headers={"Cache-Control": "no-store"}, after=0.05)

    api.answer = answer

    async def use(client: ApiClient) -> list[ApiResponse]:
        return list(await asyncio.gather(*(client.get(api.url) for _ in range(10))))

    assert sorted(int(answer.text) for answer in run(use)) == list(range(10))


def test_error_is_not_kept_and_names_no_secret(api: Api) -> None:
    """What processes tell each other of it neither; the next look-up asks again."""
    api.script(Answer(status=404))
    url = f"{api.url.replace('//', '//ada:secret@')}/rain?key=secret"
    with pytest.raises(ApiRefused):
        get(url)
    assert not any("secret" in failure.error for failure in Failure.objects.all())
    api.script(as_json(SONGS))
    assert get(url).json() == SONGS


def test_one_whose_deadline_passes_takes_nobody_along(api: Api) -> None:
    """Who waits for its answer asks itself then."""
    api.script(Answer(after=30), as_json(SONGS))

    async def use(client: ApiClient) -> Any:
        hasty = asyncio.create_task(client.get(api.url, deadline_seconds=0.3))
        while not api.asked:
            await asyncio.sleep(0.001)
        patient = await client.get(api.url, deadline_seconds=20)
        with pytest.raises(ApiTimedOut):
            await hasty
        return patient

    answer = run(use)
    assert (answer.json(), answer.cache) == (SONGS, "miss")


def test_one_who_has_no_time_for_a_pause_takes_nobody_along(api: Api) -> None:
    """It fails at once, with the API's error; who has more time asks itself."""
    joined = threading.Event()

    def answer(_asked: Asked) -> Answer:
        if len(api.asked) > 1:
            return as_json(SONGS)
        joined.wait(20)
        return Answer(status=503, headers={"Retry-After": "100"})

    api.answer = answer

    async def use(client: ApiClient) -> ApiResponse:
        hasty = asyncio.create_task(client.get(api.url, deadline_seconds=50))
        while not api.asked:
            await asyncio.sleep(0.001)
        patient = asyncio.create_task(client.get(api.url, deadline_seconds=500))
        await asyncio.sleep(0.1)
        joined.set()
        with pytest.raises(ApiFailed, match="asks to wait 100 s") as caught:
            await hasty
        assert (caught.value.retry_after_seconds, caught.value.retryable) == (100.0, True)
        return await patient

    answered = run(use)
    assert (answered.json(), answered.cache) == (SONGS, "miss")
    assert len(api.asked) == 2


def test_error_after_all_attempts_goes_to_all_who_wait(api: Api) -> None:
    """It is the answer's own, so nobody asks in vain once more."""
    api.script(Answer(status=503, after=0.05))

    async def use(client: ApiClient) -> list[Any]:
        return list(
            await asyncio.gather(*(client.get(api.url) for _ in range(5)), return_exceptions=True)
        )

    assert [type(error) for error in run(use)] == [ApiFailed] * 5
    assert len(api.asked) == 4


def test_get_is_tried_again_behind_the_cache(api: Api) -> None:
    """What comes in the end is kept."""
    api.script(Answer(status=503), as_json(SONGS))
    assert [get(api.url).cache, get(api.url).cache] == ["miss", "hit"]
    assert len(api.asked) == 2


@pytest.mark.parametrize("how", ["switched off", "broken"])
def test_without_a_cache_everything_is_answered(
    api: Api, settings: Settings, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs requests, and nothing else."""
    if how == "switched off":
        settings.PERF_CONFIG.write_text('{"caching": {"enabled": false}}')
    else:
        path = tmp_path / "cache.sqlite3"
        path.write_bytes(b"no database " * 5000)
        broken = PerfCache(SqliteStore(path), b"pepper", Caching)
        monkeypatch.setattr("enrichment.api_clients.get_cache", lambda: broken)
    answers = [get(api.url), get(api.url)]
    assert [answer.json() for answer in answers] == [SONGS, SONGS]
    assert len(api.asked) == 2


def test_purge_by_host_makes_it_ask_again(api: Api) -> None:
    """`purge_cache --model HOST:PORT` is for one API's answers."""
    get(api.url)
    purged = get_cache().purge(PurgeFilter(model=api.url.removeprefix("http://")), "somebody")
    assert (purged.deleted, get(api.url).cache) == (1, "miss")


def test_post_is_never_kept(api: Api) -> None:
    """Nor is a GET by `request`."""

    async def use(client: ApiClient) -> list[str]:
        return [(await client.request(method, api.url)).cache for method in ("POST", "GET", "GET")]

    assert run(use) == ["bypass"] * 3
    assert not CacheEntry.objects.exists()


def test_client_has_the_tuning_in_force(api: Api, settings: Settings) -> None:
    """Limits and attempts come from the tuning file."""
    settings.PERF_CONFIG.write_text(
        '{"networking": {"retry_attempts": 1, "retry_backoff_ms": [1]}}'
    )
    api.script(Answer(status=503))
    with pytest.raises(ApiFailed):
        get(api.url)
    assert len(api.asked) == 2
