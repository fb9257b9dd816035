"""Stage 1 with the real embedded model, on texts whose writers said how they felt."""

import os
import random
from pathlib import Path

import pytest
from pytest_django import Settings

from enrichment import hosts
from enrichment.evaluation import BLEND, LEXICON, MODEL, Evaluation, evaluate
from enrichment.stages import scoring

TEXTS = 80


@pytest.fixture
def read(settings: Settings, engine_url: str, databases: None) -> Evaluation:
    """What the embedded model and the tuning's defaults make of a sample of texts."""
    if not (table := os.environ.get("EVALUATION_CSV")):
        pytest.skip("EVALUATION_CSV names no file of labelled diary texts")
    with Path(table).open(newline="", encoding="utf-8-sig") as lines:
        texts = random.Random(1).sample(scoring.read_table(lines).texts, TEXTS)
    settings.OLLAMA_HOST = engine_url
    hosts.forget_client()
    return evaluate(texts, iter)


@pytest.mark.engine
def test_blend_of_signals_reads_most_diaries_right(read: Evaluation):
    """Far from chance on a sample, no worse than either signal, and as sure as it is right.

    The figures on all texts, which this sample can't tell to the second place, are in the docs.
    """
    lexicon, model, blend = map(read.scores, (LEXICON, MODEL, BLEND))
    assert read.unanswered == 0
    assert blend.any >= max(lexicon.any, model.any, 0.6)
    assert blend.polarity >= 0.85
    assert blend.ece <= 0.2
