"""The client of Ollama's API over a scripted transport: what it sends, and what each answer is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import (
    CircuitOpen,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
    InvalidReply,
    ModelMissing,
    QuestionRefused,
)
from enrichment.inference import exchange
from enrichment.inference.addresses import normalise_host
from enrichment.inference.exchange import ClientSettings
from enrichment.inference.messages import Call, ChatRequest, GenerateRequest, ModelIdentity
from enrichment.inference.ollama import OllamaClient

URL = "http://127.0.0.1:11434"
SETTINGS = ClientSettings(
    timeout_connect=1.0,
    timeout_read=2.0,
    retry_attempts=3,
    retry_backoff_ms=(0,),
    max_connections=2,
    keep_alive="30m",
    num_thread=3,
    num_ctx=2048,
)
PROMPT = 'Diary: "My zyxgrobble ran away"\nThe writer feels'
GENERATE = GenerateRequest(prompt=PROMPT)
CHAT = ChatRequest(messages=(("system", "Be kind."), ("user", PROMPT)))
QUESTIONS = pytest.mark.parametrize("ask", ["generate", "chat"])

Step = Exception | httpx.Response | Callable[[dict[str, Any]], httpx.Response]


def entry(name: str, digest: str = "ab" * 32, **more: Any) -> dict[str, Any]:
    return {"name": name, "model": name, "digest": digest, "capabilities": ["completion"], **more}


def answer(**changes: Any) -> httpx.Response:
    """Return a finished answer that suits /api/generate and /api/chat; None leaves a member out."""
    content = {
        "model": "small:1b",
        "response": " happy",
        "message": {"role": "assistant", "content": " happy"},
        "done": True,
        "done_reason": "stop",
        "total_duration": 5_500_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": 20,
        "prompt_eval_duration": 2_000_000,
        "eval_count": 4,
        "eval_duration": 2_500_000,
    } | changes
    return httpx.Response(200, json={name: value for name, value in content.items() if value != ()})


@dataclass
class Host:
    """A scripted host: a list of models, and in turn what a question is answered."""

    models: Any = field(default_factory=lambda: [entry("small:1b")])
    steps: list[Step] = field(default_factory=list)
    away: Exception | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        self.asked.append((request.url.path, body))
        if self.away:
            raise self.away
        if request.url.path == "/api/tags" and not isinstance(self.models, httpx.Response):
            return httpx.Response(200, json={"models": self.models})
        if request.url.path == "/api/tags":
            return self.models
        step = self.steps.pop(0) if self.steps else answer()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(body)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    @property
    def question(self) -> dict[str, Any]:
        """The last body that was sent."""
        return self.asked[-1][1]


def client_of(host: Host, *, model: str = "", **changes: Any) -> OllamaClient:
    return OllamaClient(
        URL, replace(SETTINGS, **changes), model=model, transport=httpx.MockTransport(host)
    )


def put(client: OllamaClient, ask: str) -> Any:
    return client.generate(GENERATE) if ask == "generate" else client.chat(CHAT)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The client's monotonic clock; set `now`, in seconds."""
    fake = SimpleNamespace(now=1000.0, monotonic=lambda: fake.now, perf_counter=lambda: fake.now)
    monkeypatch.setattr(exchange, "time", fake)
    return fake


# Hosts


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("gpu", "http://gpu:11434"),
        ("gpu:8080", "http://gpu:8080"),
        (" gpu:8080 ", "http://gpu:8080"),
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("http://gpu", "http://gpu:80"),
        ("http://gpu:11434/", "http://gpu:11434"),
        ("https://gpu.example", "https://gpu.example:443"),
        ("HTTPS://GPU.example", "https://gpu.example:443"),
        ("https://gpu.example:8443/ollama/", "https://gpu.example:8443/ollama"),
        ("gpu/ollama", "http://gpu:11434/ollama"),
    ],
)
def test_normalise_host_of_any_form_that_ollama_takes_gives_the_base_url(host, url):
    """What OLLAMA_HOST may hold becomes one URL, with the ports that Ollama itself supposes."""
    assert normalise_host(host) == url


@pytest.mark.parametrize("url", [URL, "https://gpu.example:8443/ollama", "http://[::1]:11434"])
def test_normalise_host_of_its_own_result_changes_nothing(url):
    """A normal URL stays as it is."""
    assert normalise_host(url) == url


@pytest.mark.parametrize(
    "host",
    [
        "", "  ", "http://", "ftp://gpu", "gpu:abc", "gpu:99999", "gpu:-1", "http://gpu:1:2",
        "[::1", "a b", "a\nb", "\x00", "gpu:8080 # mine", "a,b", "://",
    ],
)  # fmt: skip
def test_normalise_host_of_no_host_is_a_value_error_that_names_it(host):
    """A slip in the setting is told with the setting's own words, not with a library's."""
    with pytest.raises(ValueError, match="is not a host, host:port or http") as caught:
        normalise_host(host)
    assert repr(host) in str(caught.value)


@given(st.text(max_size=30))
def test_normalise_host_of_any_text_gives_a_url_or_a_value_error(host):
    """Whatever it is given, a URL that comes out can be asked."""
    try:
        url = normalise_host(host)
    except ValueError:
        return
    try:
        httpx.URL(url).raw_host  # noqa: B018  # reading it encodes the name
    except httpx.InvalidURL as exc:
        pytest.fail(f"{url!r}: {exc}")


def test_client_under_a_path_asks_below_it():
    """A host behind a reverse proxy's path is asked under that path."""
    asked = []

    def transport(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"version": "0.33.0"})

    base_url = normalise_host("https://gpu.example/ollama/")
    client = OllamaClient(base_url, SETTINGS, transport=httpx.MockTransport(transport))

    assert client.version() == "0.33.0"
    assert asked == ["https://gpu.example/ollama/api/version"]


# What is sent


def test_generate_sends_prompt_model_options_and_keep_alive():
    """The prompt goes out raw or templated as asked, with the constant options and no stream."""
    host = Host()

    client_of(host).generate(replace(GENERATE, raw=True, options={"num_predict": 1}))

    assert host.asked[-1][0] == "/api/generate"
    assert host.question == {
        "model": "small:1b",
        "prompt": PROMPT,
        "raw": True,
        "stream": True,
        "keep_alive": "30m",
        "options": {"num_ctx": 2048, "num_thread": 3, "num_predict": 1},
    }


def test_generate_asks_for_candidates_only_where_they_are_wanted():
    """logprobs are sent with their number, or not at all."""
    host = Host()
    client = client_of(host)

    client.generate(replace(GENERATE, top_logprobs=20))
    assert (host.question["logprobs"], host.question["top_logprobs"]) == (True, 20)
    client.generate(GENERATE)
    assert "logprobs" not in host.question
    assert "top_logprobs" not in host.question


def test_chat_sends_messages_in_order_and_the_schema():
    """Roles and contents go out as they are; the schema is sent as `format`."""
    host = Host()
    schema = {"type": "object"}

    client_of(host).chat(replace(CHAT, format=schema))

    assert host.asked[-1][0] == "/api/chat"
    assert host.question["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": PROMPT},
    ]
    assert host.question["format"] == schema


def test_chat_without_a_schema_sends_no_format():
    """A free answer is not constrained by an empty schema."""
    host = Host()
    client_of(host).chat(CHAT)
    assert "format" not in host.question


@pytest.mark.parametrize("option", ["temperature", "num_predict", "seed", "top_k"])
def test_option_of_zero_stays_zero(option):
    """0 is a value, not an absence: greedy decoding is not replaced by a default."""
    host = Host()
    client_of(host).generate(replace(GENERATE, options={option: 0}))
    assert host.question["options"][option] == 0


def test_option_of_a_request_outweighs_the_constant_one():
    """A request may ask for another number of threads."""
    host = Host()
    client_of(host).generate(replace(GENERATE, options={"num_thread": 1}))
    assert host.question["options"] == {"num_ctx": 2048, "num_thread": 1}


def test_preload_asks_nothing_but_to_load_with_the_same_options():
    """An empty request loads the model with the context that later questions have."""
    host = Host()

    client_of(host).preload()

    path, body = host.asked[-1]
    assert path == "/api/generate"
    assert not body.keys() & {"prompt", "messages"}
    assert body["options"] == {"num_ctx": 2048, "num_thread": 3}
    assert body["keep_alive"] == "30m"


def test_client_never_goes_through_a_proxy(monkeypatch):
    """A proxy in the environment is for the outside, not for a service of this machine."""
    proxies = []
    make = httpx.HTTPTransport.__init__

    def spy(self: httpx.HTTPTransport, **how: Any) -> None:
        proxies.append(how.get("proxy"))
        make(self, **how)

    monkeypatch.setattr(httpx.HTTPTransport, "__init__", spy)
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")

    OllamaClient(URL, SETTINGS).close()

    assert proxies == [None]


# Identity


def test_identity_without_a_name_is_the_first_text_model():
    """Embedding models can't answer, so the first that can is taken."""
    models = [
        entry("embed:1b", capabilities=["embedding"]),
        entry("none:1b", capabilities=[]),
        entry("llama:3b", "cd" * 32, capabilities=["completion", "tools"]),
        entry("small:1b"),
    ]
    assert client_of(Host(models)).identity() == ModelIdentity(
        name="llama:3b", digest="cd" * 32, engine="ollama"
    )


@pytest.mark.parametrize("silent", [{}, {"capabilities": None}])
def test_identity_of_a_host_that_tells_no_capabilities_is_its_first_model(silent):
    """Older hosts list none; their first model is asked."""
    old = {"name": "old:1b", "digest": "ef" * 32, **silent}
    assert client_of(Host([old])).identity().name == "old:1b"


@pytest.mark.parametrize("wanted", ["llama:latest", "llama"])
def test_identity_of_a_named_model_is_found_with_and_without_its_tag(wanted):
    """A name without a tag means the latest, as in Ollama."""
    models = [entry("small:1b"), entry("llama:3b"), entry("llama:latest")]
    assert client_of(Host(models), model=wanted).identity().name == "llama:latest"


@pytest.mark.parametrize(
    ("models", "wanted", "told"),
    [
        ([], "", "ollama pull NAME"),
        (None, "", "ollama pull NAME"),
        ([entry("embed:1b", capabilities=["embedding"])], "", "ollama pull NAME"),
        ([entry("llama:3b")], "llama", "ollama pull llama:latest"),
        ([entry("llama:3b")], "mistral:7b", "ollama pull mistral:7b"),
        ([], "mistral:7b", "ollama pull mistral:7b"),
    ],
)
def test_identity_of_a_missing_model_tells_how_to_get_it(models, wanted, told):
    """Without the model the answer is the command that brings it."""
    with pytest.raises(ModelMissing, match=told):
        client_of(Host(models), model=wanted).identity()


def test_identity_carries_the_engine_that_names_itself():
    """The embedded model says what it is; a host that says nothing is an Ollama."""
    embedded = entry("small:1b", engine="embedded")
    assert client_of(Host([embedded])).identity().engine == "embedded"
    assert client_of(Host()).identity().engine == "ollama"


def test_identity_is_remembered_and_asked_again_after_half_a_minute(clock):
    """Thirty questions ask once for the model; one that was replaced is noticed in time."""
    host = Host()
    client = client_of(host)
    for _ in range(30):
        client.generate(GENERATE)
    host.models = [entry("small:1b", "cd" * 32)]

    clock.now += 29.9
    assert client.identity().digest == "ab" * 32
    assert len(host.bodies("/api/tags")) == 1
    clock.now += 0.2
    assert client.identity().digest == "cd" * 32
    assert len(host.bodies("/api/tags")) == 2


@pytest.mark.parametrize(
    ("away", "error"),
    [
        (httpx.ConnectError("refused"), HostUnreachable),
        (httpx.ReadTimeout("slow"), HostBrokeOff),
    ],
)
def test_identity_is_kept_while_the_host_is_away_and_questions_fail_by_themselves(
    clock, away, error
):
    """What is cached can still be looked up by the last identity; asking tells the truth."""
    host = Host()
    client = client_of(host)
    known = client.identity()
    host.away = away
    clock.now += 31

    assert client.identity() == known
    assert isinstance(client.trouble, error)
    with pytest.raises(error):
        client.generate(GENERATE)
    assert client.identity() == known


def test_identity_of_a_host_away_is_not_asked_for_at_every_turn(clock):
    """While the host is away, waiting for it is paid for once in some seconds, not per look-up."""
    host = Host(away=httpx.ConnectError("refused"))
    client = client_of(host)

    for _ in range(5):
        with pytest.raises(HostUnreachable):
            client.identity()
    clock.now += exchange.TROUBLE_SECONDS - 0.1
    with pytest.raises(HostUnreachable):
        client.identity()
    assert len(host.asked) == 1
    clock.now += exchange.TROUBLE_SECONDS + 0.1
    with pytest.raises(HostUnreachable):
        client.identity()
    assert len(host.asked) == 2


def test_look_at_a_host_is_tried_once_and_shortly():
    """Pages wait for what a host runs: no retries and few seconds; questions may last."""
    waits: list[tuple[str, dict[str, float]]] = []
    host = Host()

    def transport(request: httpx.Request) -> httpx.Response:
        waits.append((request.url.path, request.extensions["timeout"]))
        return host(request)

    client = OllamaClient(
        URL, replace(SETTINGS, timeout_read=180.0), transport=httpx.MockTransport(transport)
    )
    client.generate(GENERATE)
    host.away = httpx.ConnectError("refused")
    for look in (client.version, client.loaded_models):
        with pytest.raises(HostUnreachable):
            look()

    assert [path for path, _ in waits] == [
        "/api/tags", "/api/generate", "/api/version", "/api/ps",
    ]  # fmt: skip
    reads = [timeout["read"] for _, timeout in waits]
    assert reads == [exchange.LOOK_SECONDS, 180.0, exchange.LOOK_SECONDS, exchange.LOOK_SECONDS]
    assert exchange.LOOK_SECONDS <= 5


def test_identity_is_had_again_soon_after_the_host_is_back(clock):
    """A host that comes back is used after seconds, with the model that it has by then."""
    host = Host()
    client = client_of(host)
    client.identity()
    clock.now += 31
    host.away = httpx.ConnectError("refused")
    client.identity()
    host.away, host.models = None, [entry("small:1b", "cd" * 32)]

    clock.now += exchange.TROUBLE_SECONDS + 0.1
    assert client.identity().digest == "cd" * 32
    assert client.trouble is None


def test_identity_of_a_model_that_was_removed_is_missing(clock):
    """The host answers and has the model no more: that is no outage, and nothing is kept."""
    host = Host()
    client = client_of(host)
    client.identity()
    host.models = []
    clock.now += 31
    with pytest.raises(ModelMissing):
        client.identity()


@pytest.mark.parametrize(
    "models",
    [
        "small:1b", 7, {"name": "small:1b"}, [7], [None], ["small:1b"], [{}], [{"name": None}],
        [{"digest": "ab"}], [[]],
    ],
)  # fmt: skip
def test_listing_of_another_form_is_a_failed_host(models):
    """Something that is no Ollama may answer anything; it is told, not stumbled over."""
    client = client_of(Host(models, [httpx.Response(200, json={"models": models})]))
    with pytest.raises(HostFailed, match="does not speak Ollama's API"):
        client.identity()
    with pytest.raises(HostFailed, match="does not speak Ollama's API"):
        client.loaded_models()


def test_loaded_models_are_the_names_in_memory():
    """What /api/ps lists, by name; nothing loaded is an empty tuple."""
    running = httpx.Response(200, json={"models": [entry("small:1b"), entry("llama:3b")]})
    host = Host(steps=[running, httpx.Response(200, json={"models": []})])
    client = client_of(host)
    assert client.loaded_models() == ("small:1b", "llama:3b")
    assert client.loaded_models() == ()


@pytest.mark.parametrize("content", [{}, {"version": 3}, {"version": None}])
def test_version_of_something_else_is_a_failed_host(content):
    """JSON alone makes no Ollama."""
    with pytest.raises(HostFailed, match="does not speak Ollama's API"):
        client_of(Host(steps=[httpx.Response(200, json=content)])).version()


# Trying again


@QUESTIONS
@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.Response(429),
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(503, json={"error": "server busy"}),
    ],
    ids=["refused", "connect-timeout", "429", "502", "503"],
)
def test_question_that_was_not_accepted_is_asked_again(ask, trouble):
    """No connection and a busy host cost another try, and the answer is had in the end."""
    host = Host(steps=[trouble, trouble])
    assert put(client_of(host), ask).text == " happy"
    assert len(host.bodies(f"/api/{ask}")) == 3


@QUESTIONS
@pytest.mark.parametrize("again", [0, 1, 3])
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx.ConnectError("refused"), HostUnreachable),
        (httpx.Response(429), HostBusy),
        (httpx.Response(502), HostBusy),
        (httpx.Response(503), HostBusy),
    ],
    ids=["refused", "429", "502", "503"],
)
def test_question_that_is_never_accepted_is_given_up_after_the_attempts(ask, again, trouble, error):
    """It is asked again as often as configured, and then the last trouble is told."""
    host = Host(steps=[trouble] * 10)
    with pytest.raises(error):
        put(client_of(host, retry_attempts=again), ask)
    assert len(host.bodies(f"/api/{ask}")) == 1 + again


@QUESTIONS
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx.Response(500, json={"error": "llama runner has terminated"}), HostFailed),
        (httpx.Response(400, json={"error": "invalid options"}), QuestionRefused),
        (httpx.Response(404, json={"error": "model 'small:1b' not found"}), ModelMissing),
        (httpx.ReadTimeout("slow"), HostBrokeOff),
        (httpx.WriteTimeout("slow"), HostBrokeOff),
        (httpx.ReadError("reset"), HostBrokeOff),
        (httpx.RemoteProtocolError("peer closed connection"), HostBrokeOff),
        (httpx.Response(200, json={"error": "out of memory"}), HostFailed),
        (httpx.Response(200, text="<html>"), HostFailed),
    ],
    ids=[
        "500", "400", "404", "read-timeout", "write-timeout", "reset", "closed", "error-in-200",
        "html",
    ],
)  # fmt: skip
def test_question_that_may_have_been_worked_on_is_asked_once(ask, trouble, error):
    """What the host took, or refused for good, is not put to it a second time."""
    host = Host(steps=[trouble])
    with pytest.raises(error):
        put(client_of(host), ask)
    assert len(host.bodies(f"/api/{ask}")) == 1


def test_retries_wait_at_least_their_backoff_and_at_most_half_as_much_again(monkeypatch):
    """The waits are the configured ones, spread so that processes don't knock in step."""
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=slept.append))
    client = client_of(
        Host(steps=[httpx.Response(503)] * 3), retry_attempts=3, retry_backoff_ms=(100, 300)
    )

    client.generate(GENERATE)

    low, high = [0.1, 0.3, 0.3], [0.15, 0.45, 0.45]
    assert len(slept) == 3
    assert all(a <= seconds <= b for a, seconds, b in zip(low, slept, high, strict=True))


# Errors


@QUESTIONS
@pytest.mark.parametrize(
    ("response", "error", "told"),
    [
        (httpx.Response(200, text="<html>It works!</html>"), HostFailed, "does not speak"),
        (httpx.Response(200, text=""), HostFailed, "does not speak"),
        (httpx.Response(200, text='{"response": "hap'), HostFailed, "does not speak"),
        (httpx.Response(200, content=b"\xff\xfe"), HostFailed, "does not speak"),
        (httpx.Response(200, text="[" * 100_000), HostFailed, "does not speak"),
        (httpx.Response(200, text='{"response": "\\ud800", "done": true}'), HostFailed, "speak"),
        (httpx.Response(200, json=["happy"]), HostFailed, "does not speak"),
        (httpx.Response(200, json=None), HostFailed, "does not speak"),
        (httpx.Response(302, headers={"Location": "/login"}), HostFailed, "does not speak"),
        (httpx.Response(404, text="404 page not found"), HostFailed, "answered 404"),
        (httpx.Response(405, text="405 method not allowed"), HostFailed, "answered 405"),
        (httpx.Response(500, json={"error": "no memory"}), HostFailed, "answered 500"),
        (httpx.Response(500, text=""), HostFailed, "answered 500"),
        (httpx.Response(200, json={"error": "no memory"}), HostFailed, "answered 200 with an err"),
        (httpx.Response(404, json={"error": "not found"}), ModelMissing, "ollama pull small:1b"),
    ],
)
def test_answer_that_is_none_is_a_typed_error_that_names_the_host(ask, response, error, told):
    """Whatever a host sends instead of an answer has its own error, with the host's URL."""
    with pytest.raises(error, match=told) as caught:
        put(client_of(Host(steps=[response])), ask)
    assert URL in str(caught.value)


def test_error_of_a_listing_that_is_404_is_no_missing_model():
    """Another service's 404 is not answered with a command that can't help."""
    listing = httpx.Response(404, json={"error": "no such route"})
    with pytest.raises(HostFailed, match="no such route"):
        client_of(Host(listing)).identity()


def test_error_of_loading_tells_what_the_host_said():
    """A preload holds nobody's words, so the host's reason is passed on."""
    host = Host(steps=[httpx.Response(500, json={"error": "needs more memory (5 GiB)"})])
    with pytest.raises(HostFailed, match="needs more memory"):
        client_of(host).preload()


@QUESTIONS
@pytest.mark.parametrize(
    "response",
    [
        answer(done=False),
        answer(done=()),
        answer(done="true"),
        answer(done=1),
        answer(response=None, message=None),
        answer(response=(), message=()),
        answer(response=7, message=7),
        answer(response={"a": 1}, message={"role": "assistant"}),
        answer(response=["happy"], message={"content": ["happy"]}),
        answer(total_duration="long"),
        answer(eval_duration=None),
        answer(eval_count="many"),
        answer(prompt_eval_count=[3]),
        answer(prompt_eval_count=-1),
        answer(eval_count=-1),
        answer(total_duration=-1),
        answer(load_duration=-1),
        answer(prompt_eval_duration=-1),
        answer(eval_duration=-1),
        httpx.Response(200, json={}),
    ],
)
def test_answer_that_is_not_whole_is_invalid_and_kept(ask, response):
    """A half answer is data about the model: it is kept for diagnosis and fails the stage."""
    with pytest.raises(InvalidReply) as caught:
        put(client_of(Host(steps=[response])), ask)
    assert caught.value.raw == str(json.loads(response.content))
    assert not caught.value.retryable


@QUESTIONS
@pytest.mark.parametrize(
    "logprobs",
    [
        7,
        True,
        "happy",
        {"token": "happy"},
        [7],
        ["happy"],
        [None],
        [{"top_logprobs": 7}],
        [{"top_logprobs": {"token": "happy", "logprob": -1.0}}],
        [{"top_logprobs": [7]}],
        [{"top_logprobs": [None]}],
        [{"top_logprobs": [{}]}],
        [{"top_logprobs": [{"token": "happy"}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": None}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": "likely"}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": [1]}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": 0.5}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": 1e308}]}],
        [{"top_logprobs": [{"token": "happy", "logprob": "nan"}]}],
    ],
)
def test_answer_with_malformed_candidates_is_invalid(ask, logprobs):
    """Candidates of another form, or more likely than certain, fail the reply and nothing else."""
    with pytest.raises(InvalidReply) as caught:
        put(client_of(Host(steps=[answer(logprobs=logprobs)])), ask)
    assert caught.value.raw


@QUESTIONS
def test_raw_reply_of_great_length_is_cut(ask):
    """What is kept for diagnosis is bounded."""
    host = Host(steps=[answer(done=False, response="x" * 50_000)])
    with pytest.raises(InvalidReply) as caught:
        put(client_of(host), ask)
    assert len(caught.value.raw) == 10_000


# Answers


@QUESTIONS
def test_answer_is_read_with_its_times_in_milliseconds(ask):
    """Ollama counts nanoseconds; the reply says milliseconds and tokens."""
    reply = put(client_of(Host()), ask)
    times = reply.timings
    assert reply.text == " happy"
    assert reply.done_reason == "stop"
    assert (times.total_ms, times.load_ms, times.prompt_ms, times.generation_ms) == (5.5, 1, 2, 2.5)
    assert (times.prompt_tokens, times.generated_tokens) == (20, 4)


@QUESTIONS
def test_answer_without_times_counts_as_none_taken(ask):
    """Times are diagnosis; an answer without them is still one."""
    names = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
    counts = ("prompt_eval_count", "eval_count", "done_reason")
    reply = put(client_of(Host(steps=[answer(**dict.fromkeys(names + counts, ()))])), ask)
    assert reply.timings.total_ms == reply.timings.generated_tokens == 0
    assert reply.done_reason == "stop"


@QUESTIONS
def test_answer_that_was_cut_says_so(ask):
    """A cut answer is told from a finished one."""
    assert put(client_of(Host(steps=[answer(done_reason="length")])), ask).done_reason == "length"


@QUESTIONS
def test_answer_that_is_empty_is_an_answer(ask):
    """A model that ends at once has answered with nothing."""
    host = Host(steps=[answer(response="", message={"role": "assistant", "content": ""})])
    assert put(client_of(host), ask).text == ""


@pytest.mark.parametrize("logprobs", [(), None, [], [{}], [{"top_logprobs": None}]])
def test_answer_without_candidates_has_none(logprobs):
    """Ollama leaves them out when the first token ends the answer; that is no fault."""
    assert client_of(Host(steps=[answer(logprobs=logprobs)])).generate(GENERATE).candidates == ()


def test_answer_with_candidates_has_those_of_the_first_token_in_order():
    """Only the first token is judged; an empty token without bytes is one, and 0 is certainty."""
    first = [
        {"token": " happy", "logprob": -0.25, "bytes": [32]},
        {"token": "", "logprob": -3},
        {"token": " sure", "logprob": 0},
    ]
    second = [{"token": " and", "logprob": -0.1}]
    logprobs = [{"token": " happy", "top_logprobs": first}, {"top_logprobs": second}]

    reply = client_of(Host(steps=[answer(logprobs=logprobs)])).generate(GENERATE)

    assert reply.candidates == ((" happy", -0.25), ("", -3.0), (" sure", 0.0))


# Streams


def streamed(ask: str, *texts: str, **end: Any) -> list[dict[str, Any]]:
    """Return an answer's lines as Ollama streams them; the last one carries no text."""
    place: Callable[[str], dict[str, Any]] = (
        (lambda text: {"response": text})
        if ask == "generate"
        else (lambda text: {"message": {"role": "assistant", "content": text}})
    )
    done = {"done": True, "done_reason": "stop", "total_duration": 5_500_000, "eval_count": 4}
    lines = [{"model": "small:1b", **place(text), "done": False} for text in texts]
    return [*lines, {"model": "small:1b", **place(""), **done, **end}]


def as_body(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def in_pieces(body: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        yield body[start:end]


class Breaking(httpx.SyncByteStream):
    """A body that ends with an error of the transport."""

    def __init__(self, body: bytes, error: Exception) -> None:
        self.body, self.error = body, error

    def __iter__(self) -> Iterator[bytes]:
        yield self.body
        raise self.error


@given(
    ask=st.sampled_from(["generate", "chat"]),
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5),
    cuts=st.lists(st.integers(0, 2_000), max_size=6),
)
def test_streamed_answer_is_put_together_however_its_bytes_arrive(ask, texts, cuts):
    """Lines may be cut anywhere, and only a line feed ends one; the text is whole."""
    body = as_body(streamed(ask, *texts))
    reply = put(client_of(Host(steps=[httpx.Response(200, content=in_pieces(body, cuts))])), ask)
    assert reply.text == "".join(texts)
    assert (reply.done_reason, reply.timings.total_ms) == ("stop", 5.5)


def test_streamed_candidates_are_those_of_the_first_token():
    """They come on the lines with text; those of later tokens are not looked at."""
    lines = streamed("generate", " happy", " and")
    for line, word in zip(lines, (" happy", " and"), strict=False):
        line["logprobs"] = [{"token": word, "top_logprobs": [{"token": word, "logprob": -1}]}]
    reply = client_of(Host(steps=[httpx.Response(200, content=as_body(lines))])).generate(GENERATE)
    assert reply.candidates == ((" happy", -1.0),)


@QUESTIONS
def test_stream_that_ends_with_an_error_is_a_failed_host(ask):
    """Ollama says so in a line behind status 200; what was written before counts for nothing."""
    lines = [*streamed(ask, " hap")[:1], {"error": "llama runner has terminated"}]
    host = Host(steps=[httpx.Response(200, content=as_body(lines))])
    with pytest.raises(HostFailed):
        put(client_of(host), ask)
    assert len(host.bodies(f"/api/{ask}")) == 1


@QUESTIONS
def test_stream_that_breaks_off_is_an_outage_and_no_answer(ask):
    """Half an answer never passes for a whole one."""
    half = Breaking(as_body(streamed(ask, " hap")[:1]), httpx.RemoteProtocolError("incomplete"))
    with pytest.raises(HostBrokeOff):
        put(client_of(Host(steps=[httpx.Response(200, stream=half)])), ask)


@QUESTIONS
def test_stream_that_ends_without_its_last_line_is_invalid(ask):
    """Without the word that it is done an answer is not whole."""
    body = as_body(streamed(ask, " happy")[:1])
    with pytest.raises(InvalidReply):
        put(client_of(Host(steps=[httpx.Response(200, content=body)])), ask)


@QUESTIONS
def test_stream_that_trickles_for_ever_is_given_up(ask, clock):
    """A word now and then keeps no worker for longer than a whole answer may take."""

    def trickle() -> Iterator[bytes]:
        while True:
            clock.now += 1
            yield as_body(streamed(ask, " and")[:1])

    with pytest.raises(HostBrokeOff, match="in time"):
        put(client_of(Host(steps=[httpx.Response(200, content=trickle())])), ask)


# What never leaves


def _subclasses(family: type[Exception]) -> list[type[Exception]]:
    return [family, *(deeper for one in family.__subclasses__() for deeper in _subclasses(one))]


HTTPX_ERRORS = [
    error for error in _subclasses(httpx.HTTPError) if error is not httpx.HTTPStatusError
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
MEMBERS = ("response", "message", "done", "done_reason", "logprobs", "total_duration", "eval_count")


@given(
    error=st.sampled_from(HTTPX_ERRORS),
    ask=st.sampled_from(["generate", "chat", "identity", "version"]),
)
def test_exception_of_the_transport_never_leaves_as_it_is(error, ask):
    """Whatever httpx raises, callers get an error of this app, with httpx's own as its cause."""
    host = Host(away=error(PROMPT))
    client = client_of(host, retry_attempts=1)
    calls = {"identity": client.identity, "version": client.version}
    with pytest.raises(InferenceError) as caught:
        calls.get(ask, lambda: put(client, ask))()
    assert isinstance(caught.value, HostUnreachable | HostBrokeOff)
    assert isinstance(caught.value.__cause__, error)
    assert "zyxgrobble" not in str(caught.value)


@given(
    status=st.sampled_from([200, 200, 200, 204, 301, 400, 404, 429, 500, 502, 503]),
    content=st.binary(max_size=60)
    | ANY_JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, ANY_JSON)).map(
        lambda value: json.dumps({"done": True, "response": "", **value}).encode()
    ),
    ask=st.sampled_from(["generate", "chat"]),
)
def test_answer_of_any_bytes_is_a_reply_or_an_error_of_ours(status, content, ask):
    """No status and no body makes the client raise anything else."""
    host = Host(steps=[httpx.Response(status, content=content)] * 2)
    try:
        reply = put(client_of(host, retry_attempts=1), ask)
    except InferenceError as exc:
        assert str(exc)
    else:
        assert isinstance(reply.text, str)
        assert all(logprob <= 0.01 for _, logprob in reply.candidates)


@QUESTIONS
@pytest.mark.parametrize("status", [200, 400, 404, 405, 429, 500, 502, 503])
def test_error_of_a_host_that_quotes_the_question_is_told_without_it(ask, status):
    """Messages are logged, so none holds a word of a prompt, even if the host repeats it."""

    def echo(body: dict[str, Any]) -> httpx.Response:
        return httpx.Response(status, json={"error": f"can't read {json.dumps(body)}"})

    with pytest.raises(InferenceError) as caught:
        put(client_of(Host(steps=[echo] * 4)), ask)
    assert "zyxgrobble" not in str(caught.value)


@QUESTIONS
def test_error_of_an_invalid_reply_keeps_the_words_out_of_its_message(ask):
    """The raw reply is kept beside the message, never in it."""
    host = Host(steps=[answer(done=False, response="zyxgrobble")])
    with pytest.raises(InvalidReply) as caught:
        put(client_of(host), ask)
    assert "zyxgrobble" in caught.value.raw
    assert "zyxgrobble" not in str(caught.value)


def test_client_that_is_left_is_closed():
    """The pooled connections end with the block."""
    with client_of(Host()) as client:
        client.identity()
    with pytest.raises(RuntimeError, match="closed"):
        client.generate(GENERATE)


# What observers are told


@QUESTIONS
def test_observer_is_told_how_each_question_went(ask):
    """Host, model, kind, attempts and the host's own times; nothing of what was said."""
    calls: list[Call] = []
    host = Host(steps=[httpx.Response(503), answer()])
    client = OllamaClient(URL, SETTINGS, observer=calls.append, transport=httpx.MockTransport(host))

    put(client, ask)

    (call,) = calls
    assert (call.host, call.model, call.kind, call.error) == (URL, "small:1b", ask, "")
    assert call.attempts == 2
    assert call.timings is not None
    assert call.timings.prompt_ms == 2.0
    assert call.elapsed_ms > 0
    assert "zyxgrobble" not in repr(call)


@QUESTIONS
def test_observer_is_told_of_failures(ask):
    """A call that failed is kept with the kind of its error."""
    calls: list[Call] = []
    host = Host(steps=[httpx.Response(500)])
    client = OllamaClient(URL, SETTINGS, observer=calls.append, transport=httpx.MockTransport(host))
    with pytest.raises(HostFailed):
        put(client, ask)
    assert [(call.error, call.timings) for call in calls] == [("HostFailed", None)]


@QUESTIONS
def test_observer_is_told_nothing_of_a_host_that_is_given_up(ask):
    """What was not asked is no call."""
    calls: list[Call] = []

    def given_up() -> Any:
        raise CircuitOpen("failed 5 times in a row")

    client = OllamaClient(
        URL,
        SETTINGS,
        guard=given_up,
        observer=calls.append,
        transport=httpx.MockTransport(Host()),
    )
    with pytest.raises(CircuitOpen):
        put(client, ask)
    assert calls == []


def test_preload_asks_the_beginnings_in_order_and_tells_no_observer():
    """What prepares the host is no question that anybody waited for."""
    calls: list[Call] = []
    host = Host()
    client = OllamaClient(URL, SETTINGS, observer=calls.append, transport=httpx.MockTransport(host))

    client.preload(CHAT, GENERATE)

    assert [path for path, _ in host.asked[1:]] == ["/api/generate", "/api/chat", "/api/generate"]
    assert "prompt" not in host.asked[1][1]
    assert host.question["prompt"] == PROMPT
    assert calls == []


def test_images_go_with_the_last_message():
    """Ollama takes them in base64, beside the words."""
    host = Host()
    client_of(host).chat(replace(CHAT, images=(b"abc",)))
    first, last = host.question["messages"]
    assert "images" not in first
    assert last["images"] == ["YWJj"]
