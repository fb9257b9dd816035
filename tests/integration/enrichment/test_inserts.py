"""Rows that are written past the ORM read back as the ORM would have written them."""

import pytest
from django.forms.models import model_to_dict
from django.utils import timezone

from enrichment.inserts import insert
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.stages.answers import Outcome

pytestmark = pytest.mark.usefixtures("main_database")


def reflection() -> Reflection:
    now = timezone.now()
    return Reflection(
        text="Zoë", key_scope="site", timestamp=now, no_cache=True, risk_signals=["farewell"]
    )


def result(of: Reflection, stage: int) -> StageResult:
    return StageResult(
        reflection=of,
        stage=stage,
        result={"poem": ["a%s", "é"], "confidence": 0.5, "wheel": None},
        outcome=Outcome.MODEL,
        cache="hit",
        duration_ms=0.25,
    )


def test_rows_read_back_as_they_were_given() -> None:
    """Every column of every kind: texts, words of closed lists, numbers, JSON, times, ids."""
    written = reflection()
    insert([written])
    results = [result(written, 1), result(written, 2)]
    insert(results)
    job = Job(reflection=written, status=Status.COMPLETE, available_at=timezone.now())
    insert([job])

    for row in (written, *results, job):
        kept = type(row).objects.get(pk=row.pk)
        assert model_to_dict(kept) == model_to_dict(row)
        assert kept.created_at == row.created_at


def test_several_rows_are_each_given_their_own_number() -> None:
    """One statement writes them all, and no two change places."""
    written = reflection()
    insert([written])
    results = [result(written, 2), result(written, 1)]

    insert(results)

    kept = dict(StageResult.objects.values_list("pk", "stage"))
    assert {row.pk: row.stage for row in results} == kept


def test_nothing_is_written_of_no_rows() -> None:
    """Where no stage is ready there is no statement."""
    insert([])

    assert not StageResult.objects.exists()
