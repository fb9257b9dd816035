"""Stage 2 with the real embedded model: how often its own words are what is shown."""

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from enrichment import hosts
from tests.benchmarks.writing import read_texts, sample, wilson, write

TEXTS = 10


@pytest.mark.engine
@pytest.mark.usefixtures("databases")
def test_most_texts_end_with_the_words_of_the_embedded_model(settings: Settings, engine_url: str):
    """At least two of three; the benchmark on a hundred texts asks for four of five."""
    if not (table := os.environ.get("EVALUATION_CSV")):
        pytest.skip("EVALUATION_CSV names no file of diary texts")
    with Path(table).open(newline="", encoding="utf-8-sig") as lines:
        texts = sample(read_texts(lines), TEXTS, seed=1)
    settings.OLLAMA_HOST = engine_url
    hosts.forget_client()

    found = list(write(texts, hosts.get_client()))

    refused = [codes for each in found for codes in each.refusals]
    assert len(found) == TEXTS
    assert sum(each.by_model for each in found) >= 2 / 3 * TEXTS, refused


def test_interval_of_a_rate_is_wilsons():
    """The benchmark's interval is the published one, and stays within 0 and 1."""
    assert wilson(95, 100) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)
