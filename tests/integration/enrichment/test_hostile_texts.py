"""Hostile texts through both stages with the embedded model over a real socket."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from enrichment.inference.exchange import ClientSettings
from enrichment.inference.ollama import OllamaClient
from enrichment.stages.answers import Outcome
from enrichment.stages.hybrid_scorer import HybridScorer
from enrichment.stages.post_enricher import PostEnricher
from tests.hostile_texts import HOSTILE, MARK
from tests.schemas import assert_stage1, assert_stage2
from tests.unit.enrichment.scripted import ASKING, DictCache

pytestmark = [pytest.mark.engine, pytest.mark.enable_socket]

AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
# The model takes a minute or more for 5,000 characters of noise, and learns nothing from the rest.
# Marks upon marks are more tokens than its context holds: refused at once.
WHOLE = {"zalgo"}
CHARACTERS = 200


@pytest.fixture(scope="module")
def client(engine_url: str) -> Iterator[OllamaClient]:
    settings = ClientSettings(
        timeout_connect=5,
        timeout_read=60,
        retry_attempts=0,
        retry_backoff_ms=(100,),
        max_connections=2,
        keep_alive="30m",
        num_thread=1,
        num_ctx=4096,
    )
    with OllamaClient(engine_url, settings) as client:
        yield client


@pytest.fixture(scope="module")
def cache() -> DictCache:
    """One for all: what one text left behind must not come out with another."""
    return DictCache()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_goes_through_both_stages_and_leaves_none_of_itself(client, cache, name):
    """Stage 1 stays within its schema; Stage 2 is reviewed writing or a marked text of a person."""
    text = HOSTILE[name] if name in WHOLE else HOSTILE[name][:CHARACTERS]
    stage1 = HybridScorer(client, cache, scope="site", **ASKING).enrich(text, (), AT)
    stage2 = PostEnricher(
        client, cache, num_ctx=4096, num_predict=160, temperature=0.3
    ).run_post_enrichment(stage1)

    assert_stage1(stage1.answer.result)
    assert stage1.answer.outcome == (Outcome.FALLBACK if name in WHOLE else Outcome.MODEL)
    assert_stage2(stage2.answer, stage1.path[0] if stage1.path else None)
    shown = json.dumps([stage1.answer.result, stage2.answer.result, stage2.tags, cache.entries])
    assert MARK not in shown
    assert MARK[::-1] not in shown
