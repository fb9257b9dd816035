"""The embedded model's HTTP behaviour, with the native library replaced: no model is loaded."""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import ClassVar

import httpx
import pytest

from enrichment.inference.engine import runner as runner_module
from enrichment.inference.engine import server as server_module
from enrichment.inference.engine.errors import RefusedError
from enrichment.inference.engine.protocol import Outcome, Piece
from enrichment.inference.engine.runner import Runner
from enrichment.inference.engine.server import EngineServer
from tests.queues import until

pytestmark = pytest.mark.enable_socket

MODEL = "smollm2:135m"
WAIT_SECONDS = 10
SECRET = "a secret of the heart"
OUTCOME = Outcome(
    done_reason="stop", prompt_eval_count=1, prompt_eval_duration=1, eval_count=1, eval_duration=1
)


class FakeLlama:
    """Says what it is told to; the running model is tested in test_engine.py."""

    pieces: ClassVar[list[str]] = ["a", "b"]
    failure: ClassVar[Exception | None] = None
    ran: ClassVar[list[str]] = []
    closed: ClassVar[list["FakeLlama"]] = []
    may_answer: ClassVar[threading.Event] = threading.Event()

    def __init__(self, path, threads):
        self.threads = threads

    def close(self):
        self.closed.append(self)

    def generate(self, request, on_piece, wanted):
        self.ran.append(request.prompt)
        assert self.may_answer.wait(WAIT_SECONDS)
        for text in self.pieces:
            on_piece(Piece(text=text))
        if self.failure is not None:
            raise self.failure
        return OUTCOME


@pytest.fixture
def llama(monkeypatch) -> type[FakeLlama]:
    monkeypatch.setattr(runner_module, "Llama", FakeLlama)
    fresh = {
        "pieces": ["a", "b"],
        "failure": None,
        "ran": [],
        "closed": [],
        "may_answer": threading.Event(),
    }
    for name, value in fresh.items():
        monkeypatch.setattr(FakeLlama, name, value)
    FakeLlama.may_answer.set()
    return FakeLlama


@pytest.fixture
def server(llama, tmp_path) -> Iterator[EngineServer]:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    server = EngineServer("127.0.0.1", 0, Runner(path, threads=1, ending=threading.Event()))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    server.runner.close(1)


@pytest.fixture
def client(server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, **body) -> httpx.Response:
    return client.post("/api/generate", json={"model": MODEL, "prompt": SECRET, **body})


def impatient_client(server: EngineServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, trust_env=False, timeout=0.2)


def test_root_says_what_ollama_says(client):
    assert client.get("/").text == "Ollama is running"
    assert client.head("/").status_code == 200
    assert client.head("/").content == b""


def test_version_is_there(client):
    assert client.get("/api/version").json()["version"].startswith("0.33")


def test_tags_list_the_model_before_it_is_loaded_and_ps_only_then(client):
    assert [model["name"] for model in client.get("/api/tags").json()["models"]] == [MODEL]
    assert client.get("/api/ps").json() == {"models": []}

    client.post("/api/generate", json={"model": MODEL})

    assert [model["name"] for model in client.get("/api/ps").json()["models"]] == [MODEL]


def test_stream_is_the_default_and_chunked(client):
    response = ask(client)

    assert response.headers["Transfer-Encoding"] == "chunked"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["response"] for line in lines] == ["a", "b", ""]


def test_stream_of_http_1_0_has_no_chunks(server):
    body = json.dumps({"model": MODEL, "prompt": "Hi"}).encode()
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            b"POST /api/generate HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        answer = connection.makefile("rb").read()

    lines = answer.partition(b"\r\n\r\n")[2].splitlines()
    assert json.loads(lines[-1])["done"] is True
    assert len(lines) == 3


def test_connection_is_kept_alive_over_answers_and_errors(server):
    connection = http.client.HTTPConnection(*server.address)
    connection.connect()
    kept = connection.sock

    for method, path, body in (
        ("GET", "/", None),
        ("POST", "/api/generate", b"{"),
        ("POST", "/nowhere", b"body"),
        ("POST", "/api/generate", b"x" * (2 * 1024 * 1024)),
        ("POST", "/api/chat", json.dumps({"model": MODEL, "messages": []}).encode()),
    ):
        connection.request(method, path, body)
        connection.getresponse().read()

    assert connection.sock is kept
    connection.close()


def test_waiting_request_whose_client_leaves_never_runs(server, client, llama):
    llama.may_answer.clear()
    first = threading.Thread(target=ask, args=(client,))
    first.start()
    until(lambda: llama.ran != [])

    with pytest.raises(httpx.ReadTimeout), impatient_client(server) as impatient:
        ask(impatient, prompt="second")
    until(lambda: len(server.runner._turns._queue) == 1)
    llama.may_answer.set()
    first.join()

    assert len(llama.ran) == 1


def test_unloading_closes_the_model(server, client, llama):
    ask(client)

    client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})

    assert len(llama.closed) == 1
    assert not server.runner.loaded


def test_failed_generation_with_keep_alive_0_closes_the_model(client, llama):
    llama.failure = RefusedError(500, "failed")

    ask(client, keep_alive=0)

    assert len(llama.closed) == 1


def test_failure_before_the_first_piece_has_its_own_status(client, llama):
    llama.pieces, llama.failure = [], RefusedError(400, "too long")

    response = ask(client)

    assert (response.status_code, response.json()) == (400, {"error": "too long"})


def test_failure_in_mid_stream_is_a_line_and_no_done_line_follows(client, llama):
    llama.failure = RefusedError(500, "out of memory")

    lines = [json.loads(line) for line in ask(client).text.splitlines()]

    assert lines[-1] == {"error": "out of memory"}
    assert not any(line.get("done") for line in lines)


def test_bug_in_the_server_is_a_500_without_a_traceback(client, llama, caplog):
    llama.pieces, llama.failure = [], ZeroDivisionError("inner detail")

    response = ask(client)

    assert (response.status_code, response.json()) == (500, {"error": "internal error"})
    assert "ZeroDivisionError" in caplog.text
    assert ask(client, model="x").status_code == 404


def test_bug_in_mid_stream_cuts_the_stream(client, llama):
    llama.failure = ZeroDivisionError()

    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)


def test_log_has_one_line_a_request_and_never_a_text(client, llama, caplog, capfd):
    caplog.set_level(logging.DEBUG, logger=server_module.__name__)
    llama.pieces = ["the answer"]

    ask(client, stream=False)
    # The line is written after the answer was sent.
    until(lambda: "POST /api/generate 200" in caplog.text)

    written = caplog.text + "".join(capfd.readouterr())
    assert written.count("POST /api/generate 200") == 1
    assert "secret" not in written
    assert "the answer" not in written


def test_path_that_is_unknown_is_404_in_plain_text(client):
    response = client.get("/api/embed")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/generate"), ("POST", "/api/tags"), ("DELETE", "/"), ("PUT", "/api/chat")],
)
def test_method_that_is_wrong_is_405_in_plain_text(client, method, path):
    response = client.request(method, path)

    assert response.status_code == 405
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/api/show"])
def test_body_that_is_no_object_is_400(client, path, body):
    response = client.post(path, content=body)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/api/show"])
@pytest.mark.parametrize("body", [{"model": "x"}, {}])
def test_model_that_is_unknown_or_missing_is_404(client, path, body):
    response = client.post(path, json=body)

    assert response.status_code == 404
    assert response.json() == {"error": f"model '{body.get('model', '')}' not found"}


def test_body_that_is_too_large_is_413(client, llama):
    response = ask(client, prompt="x" * (1024 * 1024))

    assert response.status_code == 413
    assert llama.ran == []


def test_body_without_a_length_is_411(client):
    assert client.post("/api/generate", content=iter([b"{}"])).status_code == 411


@pytest.mark.parametrize("length", ["-1", "x", "+5", "1_0"])
def test_body_with_an_odd_length_is_400(server, length):
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
            "".encode()
        )
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}], ids=str
)
def test_web_page_of_another_origin_is_403(client, llama, headers):
    response = client.post("/api/generate", json={"model": MODEL, "prompt": "Hi"}, headers=headers)

    assert response.status_code == 403
    assert llama.ran == []


def test_server_on_another_address_than_loopback_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="loopback"):
        EngineServer(
            "0.0.0.0", 0, Runner(tmp_path / "model.gguf", threads=1, ending=threading.Event())
        )
