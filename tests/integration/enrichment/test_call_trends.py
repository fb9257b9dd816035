"""Calls to models over time: the steps add up to the report, before and after calls are summed."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cachestats.spans import RANGES
from enrichment.call_rollups import PARTS, roll_up
from enrichment.call_trends import call_trend
from enrichment.models import InferenceCall
from tests.call_rows import failed, many, row

pytestmark = pytest.mark.usefixtures("main_database")

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("name", RANGES)
def test_steps_add_up_to_the_whole(name: str, summed: bool):
    """With each step's answered calls as weights, the mean of each part."""
    span = RANGES[name]
    many(NOW, span.length * 1.1, 250)
    grid = span.grid(NOW)
    ends = InferenceCall.objects.filter(error="").values_list("at", flat=True)
    answered = Counter(grid.place(at) for at in ends)
    if summed:
        roll_up(NOW, budget_seconds=60)

    trend = call_trend(span, NOW)

    assert trend.overall.answered_count == answered.total() - answered[None] > 200
    assert tuple(trend.part_seconds) == PARTS
    for part, means in trend.part_seconds.items():
        assert len(means) == grid.steps
        total = sum((mean or 0) * answered[step] for step, mean in enumerate(means))
        assert total == pytest.approx(trend.overall.parts[part].total_seconds)


def test_steps_are_those_in_which_calls_ended():
    """Also where some of them were added up and others not."""
    span = RANGES["24h"]
    before = call_trend(span, NOW)
    starts = before.grid.starts
    InferenceCall.objects.bulk_create(
        [
            row(at=starts[0], host="http://slow", generation_ms=1_500.0),
            failed(at=starts[5] - timedelta(microseconds=1)),
            row(at=starts[5], generation_ms=300.0),
            row(at=starts[5] + timedelta(minutes=14), generation_ms=500.0, generated_tokens=1),
            row(at=NOW),
            row(at=starts[0] - timedelta(microseconds=1)),
        ]
    )
    for _ in range(2):
        trend = call_trend(span, NOW)
        assert (trend.overall.calls, trend.overall.failed_count) == (5, 1)
        means = trend.part_seconds["generation"]
        assert {step for step, mean in enumerate(means) if mean is not None} == {0, 5, 95}
        assert means[5] == pytest.approx(0.4)
        # A call of one token tells no speed.
        assert trend.tokens_per_second[5] == pytest.approx(3 / 0.3)
        assert list(trend.by_host) == ["http://here", "http://slow"]
        assert trend.by_host["http://slow"][0] == pytest.approx(2)
        assert trend.by_host["http://slow"][5] is None
        roll_up(NOW, budget_seconds=60)


def test_trend_of_no_calls_has_empty_steps():
    """Zeros where there is something to count, None where there is nothing to divide by."""
    trend = call_trend(RANGES["7d"], NOW)

    assert (trend.overall.calls, trend.by_host) == (0, {})
    assert set(trend.tokens_per_second) == {None}
    assert {len(means) for means in trend.part_seconds.values()} == {84}


def test_trend_takes_few_queries_however_many_calls():
    """What is added up, with its times; and the times of calls that are not."""
    many(NOW, timedelta(days=30), 300)
    roll_up(NOW, budget_seconds=60)

    with CaptureQueriesContext(connection) as queries:
        call_trend(RANGES["30d"], NOW)

    assert len(queries) == 2
