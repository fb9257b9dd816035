"""Sampling options and lifetimes."""

import json
import math

import pytest

from enrichment.inference.engine import durations, options
from enrichment.inference.engine.errors import RefusedError


def test_option_of_zero_is_zero():
    zeros = {"temperature": 0, "top_k": 0, "top_p": 0, "seed": 0, "repeat_last_n": 0}

    sampling = options.parse(zeros).sampling

    assert {name: sampling[name] for name in zeros} == zeros


@pytest.mark.parametrize(("given", "taken"), [(5, 5), (0, -1), (-1, -1), (-5, -1), (7.9, 7)])
def test_num_predict_of_zero_is_no_limit_as_in_ollama(given, taken):
    assert options.parse({"num_predict": given}).sampling["n_predict"] == taken


def test_option_that_is_unknown_is_ignored():
    assert options.parse({"mirostat": "x", "bogus": []}) == options.parse({})


def test_option_of_null_is_the_default():
    assert options.parse({"temperature": None}) == options.parse({})


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_predict": "5"},
        {"temperature": "hot"},
        {"temperature": True},
        {"seed": [1]},
        {"stop": "x"},
        {"stop": [1]},
        {"top_k": json.loads("1e999")},
    ],
    ids=str,
)
def test_option_of_the_wrong_type_is_500_and_named(wrong):
    with pytest.raises(RefusedError, match=next(iter(wrong))) as caught:
        options.parse(wrong)

    assert caught.value.status == 500


def test_stop_that_is_empty_is_dropped():
    assert options.parse({"stop": ["", "END"]}).sampling["stop"] == ["END"]


def test_repeat_last_n_of_minus_one_is_the_whole_context():
    assert options.parse({"repeat_last_n": -1}).sampling["repeat_last_n"] == 4096


def test_num_ctx_has_no_effect():
    assert options.parse({"num_ctx": 512}) == options.parse({})


@pytest.mark.parametrize(("given", "taken"), [(3, 3), (0, None), (-1, None)])
def test_num_thread_below_one_is_the_servers_own(given, taken):
    assert options.parse({"num_thread": given}).num_thread == taken


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 300),
        (0, 0),
        ("0", 0),
        (90, 90),
        (1.5, 1.5),
        ("30m", 1800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        (-1, math.inf),
        ("-1m", math.inf),
        (1e12, math.inf),
    ],
)
def test_keep_alive_is_seconds_or_a_duration(value, seconds):
    assert durations.parse_keep_alive(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "5", "m", "5 m", "5x", "soon", True, [], {}], ids=repr)
def test_keep_alive_that_is_neither_is_400(value):
    with pytest.raises(RefusedError) as caught:
        durations.parse_keep_alive(value)

    assert caught.value.status == 400
