"""Ollama's requests and replies, without a socket or a model."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from enrichment.inference.engine import protocol
from enrichment.inference.engine.errors import RefusedError
from enrichment.inference.engine.protocol import Endpoint, Outcome, Piece, parse_request

GENERATE = {"model": "smollm2:135m", "prompt": "Hi"}
CHAT = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hi"}]}
OUTCOME = Outcome(
    done_reason="stop",
    prompt_eval_count=30,
    prompt_eval_duration=2,
    eval_count=5,
    eval_duration=3,
)
ENTRY = {"token": "a", "logprob": -1.0, "bytes": [97]}


def refusal(body: dict, endpoint: Endpoint = Endpoint.GENERATE) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse_request(endpoint, body)
    return caught.value


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 100000])
def test_parse_body_that_is_no_json_object_is_400(body):
    with pytest.raises(RefusedError) as caught:
        protocol.parse_body(body)

    assert caught.value.status == 400


def test_request_defaults_are_ollamas():
    request = parse_request(Endpoint.GENERATE, GENERATE)

    assert request.stream is True
    assert request.keep_alive_seconds == 300
    assert request.schema is None
    assert request.logprobs is False
    assert request.options.sampling["temperature"] == 0.8
    assert request.options.sampling["n_predict"] == -1


def test_prompt_is_wrapped_in_the_template_with_the_system_message():
    request = parse_request(Endpoint.GENERATE, {**GENERATE, "system": "Be brief."})

    assert request.prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_prompt_without_a_system_message_gets_the_models_own():
    assert "named SmolLM" in parse_request(Endpoint.GENERATE, GENERATE).prompt


def test_prompt_that_is_raw_stays_as_it_is():
    assert parse_request(Endpoint.GENERATE, {**GENERATE, "raw": True}).prompt == "Hi"


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.GENERATE, {"model": "m"}),
        (Endpoint.GENERATE, {"model": "m", "prompt": ""}),
        (Endpoint.GENERATE, {"model": "m", "prompt": "", "raw": True}),
        (Endpoint.GENERATE, {"model": "m", "prompt": None}),
        (Endpoint.CHAT, {"model": "m", "messages": []}),
        (Endpoint.CHAT, {"model": "m"}),
    ],
)
def test_request_without_a_prompt_has_none(endpoint, body):
    assert parse_request(endpoint, body).prompt is None


def test_model_name_takes_the_older_spelling():
    assert protocol.model_name({"name": "m"}) == "m"
    assert protocol.model_name({}) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": 3},
        {"stream": "yes"},
        {"raw": 1},
        {"options": []},
        {"logprobs": "true"},
        {"top_logprobs": True},
        {"top_logprobs": 21},
        {"top_logprobs": -1},
        {"keep_alive": "soon"},
        {"think": True},
        {"images": ["aGk="]},
        {"suffix": "x"},
    ],
    ids=str,
)
def test_generate_with_a_wrong_field_is_400(wrong):
    assert refusal({**GENERATE, **wrong}).status == 400


@pytest.mark.parametrize(
    "messages",
    ["Hi", ["Hi"], [{"role": "user", "content": 3}], [{"role": "boss", "content": "Hi"}], [{}]],
    ids=str,
)
def test_chat_with_wrong_messages_is_400(messages):
    assert refusal({"model": "m", "messages": messages}, Endpoint.CHAT).status == 400


@pytest.mark.parametrize("top", [0, 20])
def test_top_logprobs_at_its_bounds_is_taken(top):
    body = {**GENERATE, "logprobs": True, "top_logprobs": top}

    assert parse_request(Endpoint.GENERATE, body).top_logprobs == top


@pytest.mark.parametrize("empty", [None, ""])
def test_format_that_is_empty_means_free_text(empty):
    assert parse_request(Endpoint.GENERATE, {**GENERATE, "format": empty}).schema is None


def test_format_json_means_an_object():
    request = parse_request(Endpoint.GENERATE, {**GENERATE, "format": "json"})

    assert request.schema == {"type": "object"}


@pytest.mark.parametrize("word", ["xml", 3, True, []])
def test_format_that_is_unknown_is_500(word):
    assert refusal({**GENERATE, "format": word}).status == 500


def test_format_with_an_anchored_pattern_is_taken():
    schema = {"properties": {"a": {"pattern": "^x$"}, "pattern": {"type": "string"}}}

    assert parse_request(Endpoint.GENERATE, {**GENERATE, "format": schema}).schema == schema


@pytest.mark.parametrize("pattern", ["x", "^x", "x$"])
def test_format_with_an_unanchored_pattern_is_400(pattern):
    schema = {"anyOf": [{"properties": {"a": {"type": "string", "pattern": pattern}}}]}

    assert refusal({**GENERATE, "format": schema}).status == 400


def test_format_with_a_count_beyond_the_context_is_400():
    schema = {"type": "array", "items": {"type": "array", "minItems": 10**9}}

    assert refusal({**GENERATE, "format": schema}).status == 400


def test_content_line_of_generate_and_chat_differ_in_the_text_only():
    piece = Piece(text="a", logprobs=[ENTRY])

    generated = protocol.content_line(parse_request(Endpoint.GENERATE, GENERATE), piece)
    chatted = protocol.content_line(parse_request(Endpoint.CHAT, CHAT), piece)

    assert generated.pop("response") == "a"
    assert chatted.pop("message") == {"role": "assistant", "content": "a"}
    assert set(generated) == set(chatted) == {"model", "created_at", "done", "logprobs"}
    assert generated["done"] is False


def test_content_line_without_logprobs_leaves_them_out():
    line = protocol.content_line(parse_request(Endpoint.CHAT, CHAT), Piece(text="a"))

    assert "logprobs" not in line


def test_done_line_carries_the_measurements_and_no_text():
    request = parse_request(Endpoint.GENERATE, {**GENERATE, "logprobs": True})

    line = protocol.done_line(request, OUTCOME, total_ns=9, load_ns=4)

    del line["created_at"]
    assert line == {
        "model": "smollm2:135m",
        "response": "",
        "done": True,
        "done_reason": "stop",
        "total_duration": 9,
        "load_duration": 4,
        "prompt_eval_count": 30,
        "prompt_eval_duration": 2,
        "eval_count": 5,
        "eval_duration": 3,
    }


def test_whole_reply_joins_texts_and_logprobs():
    request = parse_request(Endpoint.CHAT, CHAT)
    pieces = [Piece(text="a", logprobs=[ENTRY]), Piece(text="b", logprobs=[ENTRY])]

    reply = protocol.whole_reply(request, pieces, protocol.done_line(request, OUTCOME, 9, 4))

    assert reply["message"]["content"] == "ab"
    assert reply["logprobs"] == [ENTRY, ENTRY]
    assert reply["done"] is True


def test_whole_reply_of_nothing_has_no_logprobs():
    request = parse_request(Endpoint.GENERATE, GENERATE)

    reply = protocol.whole_reply(request, [], protocol.done_line(request, OUTCOME, 9, 4))

    assert reply["response"] == ""
    assert "logprobs" not in reply


def test_lifetime_reply_names_its_reason():
    reply = protocol.lifetime_reply(parse_request(Endpoint.CHAT, CHAT), "unload")

    assert reply["done_reason"] == "unload"
    assert reply["done"] is True
    assert reply["message"]["content"] == ""


def test_rfc3339_is_utc():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))

    assert protocol.rfc3339(moment) == "2026-01-02T01:04:05.000000Z"
    assert datetime.fromisoformat(protocol.rfc3339(moment)) == moment.astimezone(UTC)


def test_keep_alive_forever_is_infinite():
    request = parse_request(Endpoint.GENERATE, {**GENERATE, "keep_alive": -1})

    assert request.keep_alive_seconds == math.inf


def test_body_round_trip_gives_the_request():
    body = protocol.parse_body(json.dumps(GENERATE).encode())

    assert parse_request(Endpoint.GENERATE, body).model == "smollm2:135m"
