"""The running embedded model, spoken to as Ollama: with its official client and by plain HTTP."""

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import ollama
import pytest

from enrichment.inference.engine.availability import model_path
from enrichment.inference.engine.llama import Llama
from enrichment.inference.engine.protocol import Endpoint, parse_request
from tests.engines import running_engine

pytestmark = [pytest.mark.engine, pytest.mark.enable_socket]

MODEL = "smollm2:135m"
# Raw, greedy and unpenalised, the model counts on until its context is full.
COUNTING = {
    "prompt": "1, 2, 3, 4, 5,",
    "raw": True,
    "options": {"temperature": 0, "repeat_penalty": 1},
}
SCORING_PROMPT = "I walked by the lake with my sister. How does the writer feel? The writer feels"


@pytest.fixture
def client(engine_url: str) -> ollama.Client:
    return ollama.Client(host=engine_url, trust_env=False)


@pytest.fixture
def http(engine_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=engine_url, timeout=60, trust_env=False) as http:
        yield http


def generate(http: httpx.Client, **body) -> dict:
    response = http.post("/api/generate", json={"model": MODEL, "stream": False, **body})
    response.raise_for_status()
    return response.json()


@contextmanager
def endless_generation(engine_url: str) -> Iterator[None]:
    """Keep the model busy (for half a minute or more) until the block ends and disconnects."""
    body = {"model": MODEL, **COUNTING}
    with httpx.stream(
        "POST", f"{engine_url}/api/generate", json=body, timeout=60, trust_env=False
    ) as response:
        # Held until the end: a generator that is collected closes its response.
        lines = response.iter_lines()
        next(lines)
        yield


def assert_answers_soon(http: httpx.Client) -> None:
    """Far sooner than what was abandoned would have taken; other work may slow the machine."""
    started = time.monotonic()
    generate(http, prompt="Hi", options={"num_predict": 1})
    assert time.monotonic() - started < 10


def stream(http: httpx.Client, path: str = "/api/generate", **body) -> list[dict]:
    with http.stream("POST", path, json={"model": MODEL, **body}) as response:
        assert response.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.iter_lines()]


# The official client


def test_client_generate_returns_text_and_measurements(client):
    reply = client.generate(MODEL, "Say hello.", options={"num_predict": 8, "temperature": 0})

    assert reply.response
    assert reply.done is True
    assert reply.prompt_eval_count > 30
    assert reply.eval_count == 8
    assert reply.total_duration >= reply.prompt_eval_duration + reply.eval_duration > 0
    assert reply.load_duration >= 0


def test_client_generate_at_temperature_0_is_repeatable(client):
    options = {"num_predict": 12, "temperature": 0}

    replies = {client.generate(MODEL, "Name a colour.", options=options).response for _ in "ab"}

    assert len(replies) == 1


def test_client_generate_cut_by_num_predict_says_length(client):
    assert client.generate(MODEL, "Tell a story.", options={"num_predict": 3}).done_reason == (
        "length"
    )


def test_client_generate_stops_before_a_stop_string(client):
    options = {**COUNTING["options"], "stop": [" 9"]}

    reply = client.generate(MODEL, COUNTING["prompt"], raw=True, options=options)

    assert reply.response == " 6, 7, 8,"
    assert reply.done_reason == "stop"


def test_client_chat_answers_as_the_assistant(client):
    messages = [
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "What is the capital of France?"},
    ]

    reply = client.chat(MODEL, messages, options={"temperature": 0, "num_predict": 20})

    assert reply.message.role == "assistant"
    assert "Paris" in reply.message.content


@pytest.mark.parametrize("endpoint", ["generate", "chat"])
def test_client_stream_ends_with_one_done_line(client, endpoint):
    options = {"num_predict": 6, "temperature": 0}
    if endpoint == "chat":
        messages = [{"role": "user", "content": "Count to ten."}]
        lines = list(client.chat(MODEL, messages, stream=True, options=options))
    else:
        lines = list(client.generate(MODEL, "Count to ten.", stream=True, options=options))

    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert len(lines) > 2
    assert lines[-1].eval_count == 6


def test_client_list_show_and_ps_describe_the_model(client):
    client.generate(MODEL)

    listed, shown, loaded = client.list().models[0], client.show(MODEL), client.ps().models[0]

    assert listed.model == loaded.model == MODEL
    assert listed.size == model_path().stat().st_size
    assert len(listed.digest) == 64
    assert listed.digest == loaded.digest
    assert listed.details.quantization_level == shown.details.quantization_level == "Q4_1"
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo["general.architecture"] == "llama"
    assert loaded.context_length == 4096


def test_client_keep_alive_0_unloads_and_the_next_call_loads_again(client):
    assert client.generate(MODEL, keep_alive=0).done_reason == "unload"
    assert client.ps().models == []

    assert client.generate(MODEL).done_reason == "load"
    assert [model.model for model in client.ps().models] == [MODEL]


def test_client_keep_alive_0_with_a_prompt_unloads_after_the_answer(client):
    reply = client.generate(MODEL, "Hi", keep_alive=0, options={"num_predict": 2})

    assert reply.eval_count == 2
    assert client.ps().models == []


def test_client_short_keep_alive_unloads_by_itself(client):
    client.generate(MODEL, keep_alive="200ms")

    deadline = time.monotonic() + 10
    while client.ps().models and time.monotonic() < deadline:
        time.sleep(0.05)

    assert client.ps().models == []


def test_client_negative_keep_alive_never_expires(client):
    client.generate(MODEL, keep_alive=-1)

    assert client.ps().models[0].expires_at.year > 2300


@pytest.mark.parametrize("name", ["nope", "smollm2", "smollm2:latest", "smollm2:135m-instruct"])
def test_client_unknown_model_is_404(client, name):
    with pytest.raises(ollama.ResponseError, match=f"model '{name}' not found") as caught:
        client.generate(name, "Hi")

    assert caught.value.status_code == 404


# Constrained output

MOOD_SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["joyful", "sad"]},
        "line": {"type": "string", "pattern": "^[A-Z][a-z ,']{18,40}\\.$"},
        "word": {"type": "string", "maxLength": 6},
    },
    "required": ["mood", "line", "word"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(3))
def test_schema_holds_at_any_seed(client, seed):
    options = {"num_predict": 160, "seed": seed, "temperature": 1.5}
    messages = [{"role": "user", "content": "I lost my keys. Answer in JSON."}]

    reply = client.chat(MODEL, messages, format=MOOD_SCHEMA, options=options)

    answer = json.loads(reply.message.content)
    assert list(answer) == ["mood", "line", "word"]
    assert answer["mood"] in {"joyful", "sad"}
    assert 20 <= len(answer["line"]) <= 42
    assert len(answer["word"]) <= 6


def test_schema_reply_has_no_free_white_space(client):
    reply = client.generate(MODEL, "A mood.", format=MOOD_SCHEMA, options={"num_predict": 160})

    assert reply.response == json.dumps(json.loads(reply.response), ensure_ascii=False)


def test_schema_reply_streams_while_it_is_written(http):
    lines = stream(http, prompt="A mood.", format=MOOD_SCHEMA, options={"num_predict": 160})

    assert len(lines) > 5


def test_format_json_gives_an_object(client):
    reply = client.generate(
        MODEL, "Say hi.", format="json", options={"num_predict": 200, "seed": 1}
    )

    assert reply.response.startswith("{")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "foo"},
        {"$ref": "#/$defs/absent"},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?=x)a$"}}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "a"}}},
    ],
)
def test_schema_that_does_not_compile_is_400_not_free_text(http, schema):
    response = http.post("/api/generate", json={"model": MODEL, "prompt": "Hi", "format": schema})

    assert response.status_code == 400
    assert "schema" in response.json()["error"]


# Log probabilities


def first_entry(http: httpx.Client, **options) -> dict:
    reply = generate(
        http,
        prompt=SCORING_PROMPT,
        raw=True,
        logprobs=True,
        top_logprobs=20,
        options={"num_predict": 1, **options},
    )
    return reply["logprobs"][0]


def test_logprobs_have_ollamas_shape(http):
    reply = generate(
        http,
        prompt=COUNTING["prompt"],
        raw=True,
        logprobs=True,
        top_logprobs=3,
        options={**COUNTING["options"], "num_predict": 4},
    )

    assert len(reply["logprobs"]) == 4
    for entry in reply["logprobs"]:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert len(entry["top_logprobs"]) == 3
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert set(entry["top_logprobs"][0]) == {"token", "logprob", "bytes"}
    assert "".join(entry["token"] for entry in reply["logprobs"]) == reply["response"]


def test_logprobs_are_a_part_of_one_distribution(http):
    top = [math.exp(other["logprob"]) for other in first_entry(http)["top_logprobs"]]

    assert len(top) == 20
    assert top == sorted(top, reverse=True)
    assert 0.3 < sum(top) < 1


@pytest.mark.parametrize(
    "options",
    [{"temperature": 2.0}, {"temperature": 0}, {"top_k": 1}, {"top_p": 0.01}],
    ids=str,
)
def test_logprobs_are_taken_before_sampling(http, options):
    plain = {t["token"]: t["logprob"] for t in first_entry(http, seed=1)["top_logprobs"]}

    sampled = {t["token"]: t["logprob"] for t in first_entry(http, **options)["top_logprobs"]}

    assert sampled == pytest.approx(plain, abs=1e-3)


def test_logprobs_are_taken_before_the_grammar(http):
    entry = generate(
        http,
        prompt=SCORING_PROMPT,
        raw=True,
        format=MOOD_SCHEMA,
        logprobs=True,
        top_logprobs=20,
        options={"num_predict": 1},
    )["logprobs"][0]

    assert entry["token"].startswith("{")
    assert " happy" in {other["token"] for other in entry["top_logprobs"]}


def test_logprobs_are_absent_when_the_first_token_ends_the_reply(http):
    body = {"prompt": SCORING_PROMPT, "raw": True, "logprobs": True, "top_logprobs": 2}
    first = generate(http, **body, options={"temperature": 0, "num_predict": 1})["response"]

    reply = generate(http, **body, options={"temperature": 0, "stop": [first]})

    assert reply["response"] == ""
    assert "logprobs" not in reply


def test_logprobs_come_on_content_lines_only(http):
    lines = stream(http, prompt="Hi", logprobs=True, options={"num_predict": 3, "seed": 3})

    assert all(len(line["logprobs"]) == 1 for line in lines[:-1])
    assert "top_logprobs" not in lines[0]["logprobs"][0]
    assert "logprobs" not in lines[-1]


# The prompt cache and the queue


def test_prompt_cache_makes_the_second_call_with_a_prefix_several_times_faster(http):
    prefix = "You read diary entries and say how the writer feels, in one word. " * 20
    options = {"num_predict": 1}
    # Unique, so that an earlier test run against the same server can't have cached it.
    prefix = f"{time.time_ns()} {prefix}"

    first = generate(http, prompt=f"{prefix} I am glad.", raw=True, options=options)
    generate(http, prompt="Something else in between.", raw=True, options=options)
    second = generate(http, prompt=f"{prefix} I am sad today.", raw=True, options=options)

    assert second["prompt_eval_count"] >= first["prompt_eval_count"]
    assert first["prompt_eval_duration"] > 4 * second["prompt_eval_duration"]


def test_disconnect_ends_the_generation(http, engine_url):
    with endless_generation(engine_url):
        pass

    assert_answers_soon(http)


def test_disconnect_while_waiting_means_it_never_runs(http, engine_url):
    body = {"model": MODEL, **COUNTING}
    with endless_generation(engine_url), pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{engine_url}/api/generate", json=body, timeout=0.5, trust_env=False)

    assert_answers_soon(http)


def test_disconnect_during_a_long_prompt_ends_it(http, engine_url):
    body = {"model": MODEL, "prompt": f"{time.time_ns()} fox " * 170, "raw": True}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{engine_url}/api/generate", json=body, timeout=0.5, trust_env=False)

    assert_answers_soon(http)


def test_status_answers_while_a_generation_runs(http, engine_url):
    with endless_generation(engine_url):
        assert http.get("/api/ps", timeout=5).json()["models"]


def test_many_clients_at_once_all_get_their_answer(engine_url):
    counts: list[int] = []

    def ask(number: int) -> None:
        reply = ollama.Client(host=engine_url, trust_env=False).generate(
            MODEL, f"Say {number}.", options={"num_predict": 4, "temperature": 0}
        )
        counts.append(reply.eval_count)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(counts) == 8


def test_prompt_longer_than_the_context_is_400(http):
    response = http.post("/api/generate", json={"model": MODEL, "prompt": "word " * 5000})

    assert response.status_code == 400
    assert "context" in response.json()["error"]


def test_unpaired_surrogates_do_no_harm(http):
    body = b'{"model": "smollm2:135m", "prompt": "Hi \\ud800", "options": {"num_predict": 2}}'

    response = http.post("/api/generate", content=body)

    assert response.status_code == 200


def test_num_thread_beyond_the_machine_does_no_harm(http):
    reply = generate(http, prompt="Hi", options={"num_predict": 1, "num_thread": 100_000})

    assert reply["eval_count"] == 1


def test_num_thread_is_honoured_by_loading_anew_but_never_beyond_the_servers_own(tmp_path):
    """A request may ask for fewer threads than the server was given, not for more."""
    with running_engine(tmp_path, threads=2) as engine, httpx.Client(base_url=engine.url) as http:
        same = generate(http, prompt="Hi", options={"num_predict": 1, "num_thread": 2})
        more = generate(http, prompt="Hi", options={"num_predict": 1, "num_thread": 3})
        fewer = generate(http, prompt="Hi", options={"num_predict": 1, "num_thread": 1})

    assert same["load_duration"] == more["load_duration"] == 0
    assert fewer["load_duration"] > 0


# The template


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Hi there"}],
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi  \n"}],
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "How are you?"},
        ],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, I"}],
    ],
)
def test_template_gives_the_same_tokens_as_the_one_in_the_models_file(engine_url, messages):
    request = parse_request(
        Endpoint.CHAT, {"model": MODEL, "messages": messages, "options": {"num_predict": 1}}
    )
    llama = Llama(model_path(), threads=1)
    try:
        ours = llama.generate(request, lambda piece: None, lambda: True)
        theirs = llama._server.handle_chat_completions({"messages": messages, "max_tokens": 1})
    finally:
        llama.close()

    assert theirs["usage"]["prompt_tokens"] == ours.prompt_eval_count
    # The last token is always evaluated; that all others were reused says they are the same.
    assert theirs["timings"]["cache_n"] == ours.prompt_eval_count - 1
