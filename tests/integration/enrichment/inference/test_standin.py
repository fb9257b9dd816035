"""The scripted model answers in the form in which the embedded one does."""

import json

import httpx
import pytest

from tests.standin import standin

pytestmark = pytest.mark.engine

SCORE = {"prompt": "The writer feels", "raw": True, "logprobs": True, "top_logprobs": 3}
SHOW: dict[str, object] = {}
TALK = {"messages": [{"role": "user", "content": "Hello"}]}


def shape(content):
    """Return what an answer is made of: names and kinds, without the values."""
    match content:
        case dict():
            return {name: shape(value) for name, value in content.items()}
        case list():
            return [shape(content[0])] if content else []
        case bool() | str():
            return type(content).__name__
        case int() | float():
            return "number"
    return content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", SCORE),
        ("/api/chat", TALK),
        ("/api/show", SHOW),
        ("/api/tags", None),
        ("/api/version", None),
    ],
)
def test_standin_answers_only_what_the_real_model_answers_too(engine_url: str, path, body):
    """Every member of the stand-in's answer stands in the engine's, and is of the same kind."""

    def ask(url):
        if body is None:
            return httpx.get(url + path, trust_env=False).json()
        model = httpx.get(f"{url}/api/tags", trust_env=False).json()["models"][0]["name"]
        options = {"num_predict": 1}
        question = {**body, "model": model, "stream": False, "options": options}
        return httpx.post(url + path, json=question, trust_env=False, timeout=60).json()

    with standin() as script:
        ours, real = shape(ask(script.url)), shape(ask(engine_url))

    assert_part_of(ours, real, path)


@pytest.mark.parametrize(("path", "body"), [("/api/generate", SCORE), ("/api/chat", TALK)])
def test_standin_streams_in_the_form_of_the_real_model(engine_url: str, path, body):
    """A line of text and the line that ends the stream have no member that the engine's lack."""

    def ask(url):
        model = httpx.get(f"{url}/api/tags", trust_env=False).json()["models"][0]["name"]
        # Drawn at random, the first token may be the one that ends the answer.
        options = {"num_predict": 4, "temperature": 0}
        question = {**body, "model": model, "stream": True, "options": options}
        with httpx.stream("POST", url + path, json=question, trust_env=False, timeout=60) as got:
            assert got.headers["Transfer-Encoding"] == "chunked"
            first, *_, last = map(json.loads, got.iter_lines())
            return first, last

    with standin() as script:
        ours, real = ask(script.url), ask(engine_url)

    for our_line, real_line in zip(ours, real, strict=True):
        assert_part_of(shape(our_line), shape(real_line), path)


def assert_part_of(part, whole, place):
    if isinstance(part, dict):
        for name, value in part.items():
            assert name in whole, f"{place}.{name}"
            assert_part_of(value, whole[name], f"{place}.{name}")
    elif isinstance(part, list) and part:
        assert_part_of(part[0], whole[0], f"{place}[0]")
    else:
        assert part == whole, place
