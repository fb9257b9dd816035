"""What is read from the rows of calls: the window, the groups and the sample."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from enrichment import call_groups
from enrichment.call_reports import call_report
from enrichment.models import InferenceCall
from tests.call_rows import row

pytestmark = pytest.mark.django_db


def test_report_counts_each_call_by_model_host_and_kind():
    """The same numbers of all, and of those of each."""
    InferenceCall.objects.bulk_create(
        [
            row(),
            row(model="large:70b", host="http://there", kind="chat", elapsed_ms=900.0),
            row(host="http://there", attempts=3),
            row(error="HostBusy", attempts=3, load_ms=None, prompt_ms=None, generation_ms=None),
        ]
    )

    report = call_report()

    assert report.overall.calls == 4
    assert report.overall.retried == 2
    assert report.overall.failed == {"HostBusy": 1}
    assert report.overall.elapsed.p99_ms == 900
    assert [part.share for part in report.overall.parts.values()] == [0.1, 0.2, 0.4, 0.3]
    assert report.overall.parts["prompt"].total_seconds == pytest.approx(0.12)
    assert report.overall.prompt_tokens_per_second == pytest.approx(24 / 0.12)
    assert {name: part.calls for name, part in report.by_model.items()} == {
        "large:70b": 1,
        "small:1b": 3,
    }
    assert {name: part.calls for name, part in report.by_host.items()} == {
        "http://here": 2,
        "http://there": 2,
    }
    assert report.by_kind["chat"].elapsed.p50_ms == 900


def test_report_leaves_out_what_is_older_than_its_window():
    """A day unless another window is asked for."""
    InferenceCall.objects.bulk_create([row(at=timezone.now() - timedelta(hours=25)), row()])

    assert call_report().overall.calls == 1
    assert call_report(timedelta(days=2)).overall.calls == 2


def test_report_of_no_calls_has_no_groups():
    """Before the first call there is nothing to group, and nothing made up."""
    report = call_report()

    assert (report.overall.calls, report.by_model, report.by_host) == (0, {}, {})
    assert report.overall.elapsed.p50_ms is None


def test_report_of_very_many_calls_reads_few_of_them(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
):
    """Counts and sums stay exact; percentiles come from a sample in which calls that come in turn,
    as a reflection's questions do, have their shares, and what is rare is kept whole.
    """
    monkeypatch.setattr(call_groups, "SAMPLE", 100)
    turns = [row(elapsed_ms=float(number % 5)) for number in range(2_000)]
    InferenceCall.objects.bulk_create([*turns, row(kind="chat", elapsed_ms=50.0)])

    with django_assert_num_queries(2):
        report = call_report()

    assert (report.overall.calls, report.by_kind["generate"].calls) == (2_001, 2_000)
    assert report.overall.prompt_tokens == 8 * 2_001
    generated = report.by_kind["generate"].elapsed
    assert (generated.p50_ms, generated.p95_ms) == (2, 4)
    assert report.by_kind["chat"].elapsed.p50_ms == 50
