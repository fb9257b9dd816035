"""The client of other APIs against real sockets: limits, attempts, deadlines, errors."""

import asyncio
import gzip
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from enrichment.inference.api_errors import (
    ApiBrokeOff,
    ApiError,
    ApiFailed,
    ApiRedirected,
    ApiRefused,
    ApiReplyInvalid,
    ApiRequestInvalid,
    ApiTimedOut,
    ApiUnreachable,
)
from enrichment.inference.http import ApiClient
from enrichment.inference.http_messages import ApiResponse, ApiSettings
from tests.apis import RESET, Answer, Api, Asked, Crowd, running_api
from tests.sites import free_port

PER_HOST, IN_ALL = 6, 16
SETTINGS = ApiSettings(
    max_concurrent_requests=IN_ALL,
    per_host_limit=PER_HOST,
    timeout_connect=20.0,
    timeout_read=20.0,
    retry_attempts=3,
    retry_backoff_ms=(1,),
)
MANY = 200
# Longer than any test waits for it.
NEVER_SECONDS = 30.0


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stands between the test and its server."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def api() -> Iterator[Api]:
    """A scripted API."""
    with running_api() as served:
        yield served


def run(
    use: Callable[[ApiClient], Awaitable[Any]], settings: ApiSettings = SETTINGS, **more: Any
) -> Any:
    """Use a client in an event loop of its own."""

    async def main() -> Any:
        async with ApiClient(settings, **more) as client:
            return await use(client)

    return asyncio.run(main())


def methods(api: Api) -> list[str]:
    return [asked.method for asked in api.asked]


# Limits


def test_many_requests_to_one_host_hold_its_limit_exactly() -> None:
    """Of 200 at once six are at the host, never more and not fewer."""
    crowd = Crowd(expected=PER_HOST)
    with running_api(Api(crowds=(crowd,))) as api:
        answers = run(
            lambda client: asyncio.gather(*(client.get(f"{api.url}/{n}") for n in range(MANY)))
        )
    assert crowd.most == PER_HOST
    assert [answer.status for answer in answers] == [200] * MANY
    assert len(api.asked) == MANY


def test_many_requests_to_three_hosts_hold_both_limits_exactly() -> None:
    """Of 200 at once to three hosts 16 are under way in all, and at none more than six."""
    everywhere, each = Crowd(expected=IN_ALL), [Crowd() for _ in range(3)]
    with (
        running_api(Api(crowds=(everywhere, each[0]))) as first,
        running_api(Api(crowds=(everywhere, each[1]))) as second,
        running_api(Api(crowds=(everywhere, each[2]))) as third,
    ):
        hosts = itertools.cycle([first.url, second.url, third.url])
        answers = run(
            lambda client: asyncio.gather(
                *(client.get(f"{host}/{n}") for n, host in zip(range(MANY), hosts, strict=False))
            )
        )
    assert everywhere.most == IN_ALL
    assert max(crowd.most for crowd in each) == PER_HOST
    assert len(answers) == MANY


def test_waiting_for_a_slow_host_takes_no_place_at_another(api: Api) -> None:
    """While one host keeps all its askers waiting, another one's are answered."""
    with running_api() as slow:
        slow.answer = lambda _asked: Answer(after=NEVER_SECONDS)

        async def use(client: ApiClient) -> ApiResponse:
            stuck = [asyncio.create_task(client.get(slow.url)) for _ in range(3 * IN_ALL)]
            while len(slow.asked) < PER_HOST:
                await asyncio.sleep(0.001)
            answer = await client.get(api.url, deadline_seconds=NEVER_SECONDS / 2)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            return answer

        assert run(use).status == 200


def test_cancelled_requests_give_their_places_back(api: Api) -> None:
    """Whether they were under way or waiting: afterwards all places are free."""
    one_place = replace(SETTINGS, max_concurrent_requests=1, per_host_limit=1)

    async def use(client: ApiClient) -> list[ApiResponse]:
        api.answer = lambda _asked: Answer(after=NEVER_SECONDS)
        tasks = [asyncio.create_task(client.get(api.url)) for _ in range(5)]
        while not api.asked:
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        api.answer = lambda _asked: Answer()
        return [await client.get(api.url) for _ in range(3)]

    assert len(run(use, one_place)) == 3


def test_pause_before_another_attempt_holds_no_place(api: Api) -> None:
    """While one request waits to be tried again, another one gets the only place."""
    one_place = replace(SETTINGS, max_concurrent_requests=1, per_host_limit=1)
    order: list[str] = []

    def answer(asked: Asked) -> Answer:
        order.append(asked.path)
        busy = asked.path == "/busy" and order.count("/busy") == 1
        return Answer(status=503, headers={"Retry-After": "1"}) if busy else Answer()

    api.answer = answer

    async def use(client: ApiClient) -> None:
        busy = asyncio.create_task(client.get(f"{api.url}/busy"))
        while not order:
            await asyncio.sleep(0.001)
        await client.get(f"{api.url}/other")
        await busy

    run(use, one_place)
    assert order == ["/busy", "/other", "/busy"]


# Attempts


def test_one_in_three_that_fail_all_succeed_in_the_end() -> None:
    """Of 200 at once each third fails the first time, in one of three ways; all are answered."""
    failures = itertools.cycle([Answer(status=500), Answer(status=503), RESET])
    crowd = Crowd(expected=PER_HOST)
    first = set(range(0, MANY, 3))

    def answer(asked: Asked) -> Answer:
        number = int(asked.path[1:])
        if number in first:
            first.remove(number)
            return next(failures)
        return Answer(body=str(number).encode())

    with running_api(Api(answer=answer, crowds=(crowd,))) as api:
        answers = run(
            lambda client: asyncio.gather(*(client.get(f"{api.url}/{n}") for n in range(MANY)))
        )
    assert [answer.json() for answer in answers] == list(range(MANY))
    assert crowd.most == PER_HOST
    assert len(api.asked) == MANY + len(range(0, MANY, 3))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_passing_error_of_an_idempotent_method_is_tried_again(
    api: Api, method: str, status: int
) -> None:
    """Three times after the first; then it is the error of that status, and retryable."""
    api.script(Answer(status=status))
    with pytest.raises(ApiRefused if status == 429 else ApiFailed) as caught:
        run(lambda client: client.request(method, api.url))
    assert methods(api) == [method] * 4
    assert (caught.value.status, caught.value.retryable) == (status, True)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 501, 505])
def test_lasting_error_is_not_tried_again(api: Api, status: int) -> None:
    """It would be the same the next time; its body is there for who wants to know why."""
    api.script(Answer(status=status, body=b'{"why": "artist"}'))
    with pytest.raises(ApiRefused if status < 500 else ApiFailed) as caught:
        run(lambda client: client.get(api.url))
    assert len(api.asked) == 1
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert caught.value.content == b'{"why": "artist"}'


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "failure", [Answer(status=429), Answer(status=500), Answer(status=503), RESET]
)
def test_post_without_a_key_is_sent_once_whatever_happens(
    api: Api, method: str, failure: Answer
) -> None:
    """It may have been done: sending it again could do it twice."""
    api.script(failure, Answer())
    with pytest.raises(ApiError) as caught:
        run(lambda client: client.request(method, api.url, json={"song": 1}))
    assert methods(api) == [method]
    assert not caught.value.retryable


@pytest.mark.parametrize("failure", [Answer(status=503), RESET, Answer(after=NEVER_SECONDS)])
def test_post_with_a_key_is_sent_again_with_the_same_key(api: Api, failure: Answer) -> None:
    """Key and body are the same in each attempt."""
    api.script(failure, failure, Answer(status=201))
    answer = run(
        lambda client: client.request(
            "POST", api.url, json={"song": 1}, idempotency_key="job-7", headers={"X-Kind": "a"}
        ),
        replace(SETTINGS, timeout_read=0.2),
    )
    assert answer.status == 201
    assert [asked.headers["idempotency-key"] for asked in api.asked] == ["job-7"] * 3
    assert {asked.body for asked in api.asked} == {b'{"song":1}'}
    assert {asked.headers["x-kind"] for asked in api.asked} == {"a"}


def test_post_that_never_left_is_tried_again() -> None:
    """Where no connection could be made nothing can have been done."""
    url = f"http://127.0.0.1:{free_port()}"

    async def use(client: ApiClient) -> ApiResponse:
        posted = asyncio.create_task(client.request("POST", url, json={}))
        await asyncio.sleep(0.05)
        server = await asyncio.start_server(_answer_ok, "127.0.0.1", int(url.rsplit(":", 1)[1]))
        async with server:
            return await posted

    assert run(use, replace(SETTINGS, retry_backoff_ms=(100, 300, 900))).status == 200


async def _answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


def test_pauses_are_the_tunings_with_a_little_chance(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is of its own length and up to half as long again; the log names host and status."""
    api.script(Answer(status=503))
    caplog.set_level("INFO", "enrichment")
    with pytest.raises(ApiFailed):
        run(
            lambda client: client.get(f"{api.url}/secret?token=secret"),
            replace(SETTINGS, retry_backoff_ms=(10, 30, 90)),
        )
    told = [record.args for record in caplog.records if record.name.startswith("enrichment")]
    assert [args[:2] for args in told] == [(api.url.removeprefix("http://"), 503)] * 3
    for (_, _, seconds), ms in zip(told, (10, 30, 90), strict=True):
        assert ms <= 1000 * seconds <= 1.5 * ms
    assert "secret" not in caplog.text


# Retry-After


@pytest.mark.parametrize(("status", "form"), [(429, "seconds"), (503, "date")])
def test_retry_after_is_waited_for(
    api: Api, status: int, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However short the tuning's own pause is."""
    now = 1_700_000_000.0
    text = "1" if form == "seconds" else formatdate(now + 1, usegmt=True)
    api.script(Answer(status=status, headers={"Retry-After": text}), Answer())
    caplog.set_level("INFO", "enrichment")
    answer = run(lambda client: client.get(api.url), clock=lambda: now)
    assert answer.status == 200
    assert [record.args[2] for record in caplog.records if "[API]" in record.msg] == [1.0]


def test_retry_after_that_does_not_fit_fails_at_once(api: Api) -> None:
    """The error says how long the API asks to wait; nobody waits in vain for the deadline."""
    api.script(Answer(status=503, headers={"Retry-After": "3600"}))
    with pytest.raises(ApiFailed, match="asks to wait 3600 s") as caught:
        run(lambda client: client.get(api.url, deadline_seconds=NEVER_SECONDS))
    assert (caught.value.retry_after_seconds, caught.value.retryable) == (3600.0, True)
    assert len(api.asked) == 1


# Deadlines


@pytest.mark.parametrize("where", ["answer", "place", "attempts"])
def test_deadline_ends_the_whole_call(api: Api, where: str) -> None:
    """Whether it waits for an answer, for a place, or for a later attempt's answer."""
    never = Answer(after=NEVER_SECONDS)
    api.answer = lambda _asked: never
    if where == "attempts":
        api.script(Answer(status=503), Answer(status=503), never)
    settings = replace(SETTINGS, max_concurrent_requests=1, per_host_limit=1)

    async def use(client: ApiClient) -> None:
        other = asyncio.create_task(client.get(api.url))
        if where == "place":
            while not api.asked:
                await asyncio.sleep(0.001)
        else:
            other.cancel()
        with pytest.raises(ApiTimedOut, match=r"no answer within 0\.2 s") as caught:
            await client.get(api.url, deadline_seconds=0.2)
        assert caught.value.retryable
        assert not other.done() or where != "place"
        other.cancel()

    run(use, settings)


def test_deadline_that_leaves_no_room_for_a_pause_tells_why_the_attempt_failed(api: Api) -> None:
    """At once: what went wrong says more than that time is over."""
    api.answer = lambda _asked: Answer(after=NEVER_SECONDS)
    settings = replace(SETTINGS, timeout_read=0.05, retry_backoff_ms=(60_000,))
    with pytest.raises(ApiBrokeOff, match="silent for too long") as caught:
        run(lambda client: client.get(api.url, deadline_seconds=NEVER_SECONDS), settings)
    assert caught.value.retryable
    assert len(api.asked) == 1


def test_deadline_of_a_post_without_a_key_is_not_retryable(api: Api) -> None:
    """The API may still be at work on it."""
    api.answer = lambda _asked: Answer(after=NEVER_SECONDS)
    with pytest.raises(ApiTimedOut) as caught:
        run(lambda client: client.request("POST", api.url, deadline_seconds=0.05))
    assert not caught.value.retryable


def test_time_out_of_another_kind_is_not_taken_for_the_deadline(api: Api) -> None:
    """It comes out as what it is: a fault of the cache's, say."""

    class Faulty:
        async def aget_or_compute(self, *_args: Any) -> Any:
            raise TimeoutError("of the cache")

    with pytest.raises(TimeoutError, match="of the cache"):
        run(lambda client: client.get(api.url), cache=Faulty())


# Errors


def test_nobody_there_is_unreachable() -> None:
    """After the last attempt, whatever the method."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ApiUnreachable) as caught:
        run(lambda client: client.request("POST", f"{url}/a?key=secret"))
    assert str(caught.value).startswith(f"POST {url}/a: no connection")
    assert (caught.value.retryable, caught.value.status) == (True, None)


def test_silence_breaks_off_and_is_tried_again(api: Api) -> None:
    """An API that takes the request and says nothing."""
    api.script(Answer(after=NEVER_SECONDS))
    with pytest.raises(ApiBrokeOff, match="silent for too long"):
        run(lambda client: client.get(api.url), replace(SETTINGS, timeout_read=0.05))
    assert len(api.asked) == 4


@pytest.mark.parametrize("size", [1000, 1001])
def test_answer_that_is_too_large_is_refused(api: Api, size: int) -> None:
    """Up to the bound it is taken, beyond it is an error, which is not tried again."""
    api.script(Answer(body=b"x" * size))
    settings = replace(SETTINGS, max_response_bytes=1000)
    if size == 1000:
        assert run(lambda client: client.get(api.url), settings).content == b"x" * size
    else:
        with pytest.raises(ApiReplyInvalid, match="larger than 1,000 bytes"):
            run(lambda client: client.get(api.url), settings)
    assert len(api.asked) == 1


def test_small_answer_that_unpacks_large_is_refused(api: Api) -> None:
    """What counts is what would be in memory."""
    packed = gzip.compress(b"x" * 100_000)
    api.script(Answer(body=packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ApiReplyInvalid, match="larger than"):
        run(lambda client: client.get(api.url), replace(SETTINGS, max_response_bytes=10_000))


def test_answer_that_is_packed_more_than_once_is_refused(api: Api) -> None:
    """A few bytes would be tens of megabytes before the first of them could be counted."""
    packed = gzip.compress(gzip.compress(b"{}"))
    api.script(Answer(body=packed, headers={"Content-Encoding": "gzip, gzip"}))
    with pytest.raises(ApiReplyInvalid, match="compressed more than once") as caught:
        run(lambda client: client.get(api.url))
    assert (caught.value.status, len(api.asked)) == (200, 1)


def test_redirect_is_told_and_not_followed(api: Api) -> None:
    """Credentials go where they were sent; the message names the place without its query."""
    api.script(Answer(status=307, headers={"Location": "https://other.example/songs?key=secret"}))
    with pytest.raises(ApiRedirected) as caught:
        run(lambda client: client.get(api.url, headers={"Authorization": "Bearer t"}))
    assert str(caught.value) == (f"GET {api.url}: redirected (307) to https://other.example/songs")
    assert (caught.value.status, len(api.asked)) == (307, 1)


@pytest.mark.parametrize("location", ["http://[", "\x00", "http://a:b"])
def test_redirect_to_nowhere_is_an_error_of_ours(api: Api, location: str) -> None:
    """Whatever a server sends."""
    api.script(Answer(status=302, headers={"Location": location}))
    with pytest.raises(ApiError):
        run(lambda client: client.get(api.url))


def test_message_holds_no_query_and_no_password(api: Api) -> None:
    """What may be secret in a URL is in no message."""
    api.script(Answer(status=404))
    url = f"{api.url.replace('http://', 'http://ada:pass@')}/songs?key=secret#part"
    with pytest.raises(ApiRefused) as caught:
        run(lambda client: client.get(url))
    assert str(caught.value) == f"GET {api.url}/songs: answered 404"
    assert api.asked[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ({"url": "/songs"}, "url must be an absolute"),
        ({"url": "ftp://songs.example"}, "url must be an absolute"),
        ({"url": "http://"}, "url must be an absolute"),
        ({"url": "http://ada:pa/ss@songs.example"}, "url must be an absolute"),
        ({"url": "http://songs.example\n"}, "url must be an absolute"),
        ({"headers": {"X-Name": "a\r\nX-Other: b"}}, "a header or the method"),
        ({"headers": {"X-Name": "ä\u20ac"}}, "headers or body"),
        ({"headers": {"X-Name": 3}}, "headers or body"),
        ({"deadline_seconds": 0}, "deadline_seconds must be above 0"),
        ({"deadline_seconds": float("nan")}, "deadline_seconds must be above 0"),
        ({"json": {1, 2}}, "headers or body"),
        ({"json": float("nan")}, "headers or body"),
        ({"json": {}, "content": b""}, "json and content"),
        ({"method": "GE T"}, "a header or the method"),
    ],
)
def test_what_cant_be_sent_is_told_before(api: Api, what: dict[str, Any], named: str) -> None:
    """The error says what is wrong; nothing is sent, and no password is quoted."""
    arguments = {"method": "POST", "url": api.url, **what}
    with pytest.raises(ApiRequestInvalid, match=named) as caught:
        run(lambda client: client.request(**arguments))
    assert not api.asked
    assert "pa" not in str(caught.value)


# Sharing


def test_cookies_of_one_answer_go_out_with_no_other_request(api: Api) -> None:
    """Who uses the client next is not who was given the cookie."""
    api.script(Answer(headers={"Set-Cookie": "session=1; Path=/"}), Answer())

    async def use(client: ApiClient) -> None:
        await client.get(api.url)
        await client.get(api.url)

    run(use)
    assert ["cookie" in asked.headers for asked in api.asked] == [False, False]


def test_client_in_another_event_loop_is_a_mistake_that_is_told(api: Api) -> None:
    """Connections and limits belong to one loop."""
    client = ApiClient(SETTINGS)
    with pytest.raises(RuntimeError, match="event loop where it was opened"):
        asyncio.run(client.get(api.url))

    async def open_here() -> None:
        await client.__aenter__()

    asyncio.run(open_here())
    with pytest.raises(RuntimeError, match="event loop where it was opened"):
        asyncio.run(client.get(api.url))


def test_query_parameters_are_added_to_the_urls_own(api: Api) -> None:
    """None of them is lost."""
    run(lambda client: client.get(f"{api.url}/songs?a=1", params={"b": "x y"}))
    assert api.asked[0].path == "/songs?a=1&b=x+y"


def test_proxy_of_the_environment_is_used(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many sites reach other hosts only through it."""
    monkeypatch.setenv("HTTP_PROXY", api.url)
    run(lambda client: client.get("http://songs.example/rain"))
    assert api.asked[0].path == "http://songs.example/rain"
