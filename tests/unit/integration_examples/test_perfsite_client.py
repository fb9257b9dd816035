"""What docs/integration/perfsite_client.py does about answers that a live site seldom gives."""

from collections.abc import Callable

import httpx
import perfsite_client
import pytest
from perfsite_client import NotFinished, Perfsite, PerfsiteError

TOKEN = "4d1f5e0c9b"
TEXT = "a walk by the river"
ID = "0b8d7a52-6f0e-4e0c-9a77-52a1f0f1c1de"
QUEUED = {"id": ID, "status": "queued"}
COMPLETE = {"id": ID, "status": "complete"}

Answer = httpx.Response | httpx.TransportError


class Server:
    """Gives the answers of a list one after another, and the last of them for ever."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client meant to sleep; the clock goes on by as much."""
    slept: list[float] = []
    monkeypatch.setattr(perfsite_client.time, "sleep", slept.append)
    monkeypatch.setattr(perfsite_client.time, "monotonic", lambda: sum(slept))
    return slept


def client(server: Callable[[httpx.Request], httpx.Response], **options: float) -> Perfsite:
    transport = httpx.MockTransport(server)
    return Perfsite("https://perfsite.example", TOKEN, transport=transport, **options)


def problem(status: int, **headers: str) -> httpx.Response:
    body = {"detail": "Not now.", "errors": [{"field": "text", "message": "is required"}]}
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json=body, headers={**headers, **kind})


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        problem(409, **{"Retry-After": "1"}),
        problem(429, **{"Retry-After": "1"}),
        problem(503, **{"Retry-After": "1"}),
        httpx.Response(502, text="<h1>Bad Gateway</h1>"),
    ],
    ids=lambda answer: getattr(answer, "status_code", type(answer).__name__),
)
def test_submission_is_sent_again_with_the_same_key_and_body(passing: Answer, pauses: list[float]):
    """What may pass is met with the same submission once more, so that it makes one reflection."""
    server = Server(passing, passing, httpx.Response(202, json=QUEUED))

    assert client(server).submit(TEXT)["id"] == ID

    keys = {request.headers["Idempotency-Key"] for request in server.requests}
    assert len(server.requests) == 3
    assert len(keys) == 1
    assert len({request.content for request in server.requests}) == 1
    assert len(pauses) == 2


def test_two_submissions_have_two_keys(pauses: list[float]):
    """The key stands for one call, not for the text: somebody may feel the same again."""
    server = Server(httpx.Response(202, json=QUEUED))
    perfsite = client(server)

    perfsite.submit(TEXT)
    perfsite.submit(TEXT)

    first, second = (request.headers["Idempotency-Key"] for request in server.requests)
    assert first != second


def test_pause_is_as_long_as_the_server_asks_for_and_a_little_longer(pauses: list[float]):
    """Retry-After is the least; chance on top keeps many clients from coming back together."""
    server = Server(problem(429, **{"Retry-After": "7"}), httpx.Response(200, json=COMPLETE))

    client(server).read(ID)

    (pause,) = pauses
    assert 7 < pause < 8


def test_pause_beyond_the_deadline_is_not_waited_for(pauses: list[float]):
    """Who may wait for 10 s learns at once that it would take 60, and how the server put it."""
    server = Server(problem(503, **{"Retry-After": "60"}))

    with pytest.raises(PerfsiteError) as failure:
        client(server, deadline_seconds=10).submit(TEXT)

    assert pauses == []
    assert (failure.value.status, failure.value.detail) == (503, "Not now.")
    assert failure.value.retry_after == 60


def test_server_that_is_away_is_asked_until_the_deadline(pauses: list[float]):
    """Then the error says that there was no answer, and holds nothing of what was sent."""
    server = Server(httpx.ConnectError("refused"))

    with pytest.raises(PerfsiteError) as failure:
        client(server, deadline_seconds=20).submit(TEXT)

    error = failure.value
    assert error.status is None
    assert "ConnectError" in error.detail
    assert (error.__cause__, error.__context__) == (None, None)
    assert sum(pauses) <= 20
    assert len(server.requests) > 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
def test_what_will_not_pass_is_an_error_at_once(status: int, pauses: list[float]):
    """One request; the error tells status, detail and which field was wrong."""
    server = Server(problem(status))

    with pytest.raises(PerfsiteError) as failure:
        client(server).submit(TEXT)

    assert len(server.requests) == 1
    assert failure.value.status == status
    assert failure.value.errors == [("text", "is required")]
    assert str(failure.value) == "Not now. (text: is required)"
    assert failure.value.retry_after is None


def test_answer_that_is_no_json_is_an_error(pauses: list[float]):
    """A login page of a proxy is no reflection."""
    server = Server(httpx.Response(200, text="<h1>Welcome</h1>"))

    with pytest.raises(PerfsiteError, match="not JSON"):
        client(server).read(ID)


def test_wait_asks_on_condition_of_what_it_knows(pauses: list[float]):
    """Each GET waits; later ones carry the tag, and a 304 is followed by its pause."""
    server = Server(
        httpx.Response(200, json=QUEUED, headers={"ETag": 'W/"1"'}),
        httpx.Response(304, headers={"ETag": 'W/"1"', "Retry-After": "2"}),
        httpx.Response(200, json=COMPLETE, headers={"ETag": 'W/"2"'}),
    )

    assert client(server).wait(QUEUED)["status"] == "complete"

    conditions = [request.headers.get("If-None-Match") for request in server.requests]
    assert conditions == [None, 'W/"1"', 'W/"1"']
    assert all(0 < int(request.url.params["wait"]) <= 30 for request in server.requests)
    assert pauses == [2]


def test_wait_ends_when_its_time_is_over(pauses: list[float]):
    """A reflection that does not finish is told apart from one that failed."""
    server = Server(
        httpx.Response(200, json=QUEUED, headers={"ETag": 'W/"1"'}),
        httpx.Response(304, headers={"Retry-After": "2"}),
    )

    with pytest.raises(NotFinished, match="queued"):
        client(server).wait(QUEUED, timeout_seconds=5)

    assert sum(pauses) == 5


def test_wait_does_not_outlast_its_time_where_the_server_is_away(pauses: list[float]):
    """Its own bound holds for retries too, also where the client's would be longer."""
    server = Server(httpx.ConnectError("refused"))

    with pytest.raises(PerfsiteError, match="no answer"):
        client(server, deadline_seconds=60).wait(QUEUED, timeout_seconds=5)

    assert sum(pauses) <= 5


def test_pages_are_followed_on_the_same_site_alone(pauses: list[float]):
    """Whatever address `next` holds, the token goes to the site that it is for."""
    server = Server(
        httpx.Response(200, json={"next": "https://evil.example/?cursor=b", "results": [QUEUED]}),
        httpx.Response(200, json={"next": None, "results": [COMPLETE]}),
    )

    found = list(client(server).reflections(page_size="1"))

    assert found == [QUEUED, COMPLETE]
    assert [str(request.url) for request in server.requests] == [
        "https://perfsite.example/api/v1/reflections/?page_size=1",
        "https://perfsite.example/api/v1/reflections/?cursor=b",
    ]


def test_token_is_in_the_header_and_nowhere_else(pauses: list[float]):
    """Neither address nor repr nor error shows it."""
    server = Server(problem(403))
    perfsite = client(server)

    with pytest.raises(PerfsiteError) as failure:
        perfsite.submit(TEXT, owner="ada")

    (request,) = server.requests
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.url) + repr(perfsite) + repr(failure.value)


@pytest.mark.parametrize(
    "url",
    ["http://perfsite.example", "ftp://localhost", "perfsite.example", "https://me:pw@p.example"],
)
def test_address_that_would_give_the_token_away_is_refused(url: str):
    """Plain HTTP leaves this machine never, and a password in the address would be logged."""
    with pytest.raises(ValueError, match="url must"):
        Perfsite(url, TOKEN)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"])
def test_plain_http_to_this_machine_is_accepted(url: str):
    """As everybody starts."""
    assert url in repr(Perfsite(url, TOKEN))


@pytest.mark.parametrize("token", ["", f"{TOKEN}\n", f"{TOKEN}é", f"Bearer {TOKEN}"])
def test_token_that_can_be_none_is_refused_without_being_shown(token: str):
    """It would fail in every request, with an error that quotes the header."""
    with pytest.raises(ValueError, match="token") as failure:
        Perfsite("https://perfsite.example", token)

    assert TOKEN not in str(failure.value)


def test_id_that_is_none_makes_no_address(pauses: list[float]):
    """What a user's form sends as an id does not choose the path that is asked."""
    server = Server(httpx.Response(200, json=COMPLETE))

    with pytest.raises(ValueError, match="UUID"):
        client(server).delete("../cache/purge")

    assert server.requests == []
