"""Durable commits that threads share, on a real SQLite file."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cachestats import commits
from cachestats.cache import get_cache
from cachestats.commits import commit
from cachestats.models import LookupBatch
from enrichment.inserts import insert
from enrichment.models import Job, Reflection

pytestmark = pytest.mark.usefixtures("databases")


def reflection(text: str, submitted_by_id: int | None = None) -> Reflection:
    return Reflection(
        text=text, key_scope="site", timestamp=timezone.now(), submitted_by_id=submitted_by_id
    )


def writing(row: Reflection) -> Callable[[], str]:
    def write() -> str:
        insert([row])
        return row.text

    return write


def together(*writes: Callable[[], str]) -> list[str | BaseException]:
    """Have threads wait until all of them do, and return what each is told."""

    def run(write: Callable[[], str]) -> str | BaseException:
        try:
            return commit(write)
        except Exception as exc:
            return exc
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(writes)) as executor:
        with commits._group._turn:
            told = [executor.submit(run, write) for write in writes]
            gathered = threading.Event()
            while len(commits._group._waiting) < len(writes):
                gathered.wait(0.005)
        return [each.result(30) for each in told]


def texts() -> set[str]:
    return set(Reflection.objects.values_list("text", flat=True))


def test_those_who_wait_share_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads wait for the disk once, and each gets its own answer."""
    begun = []
    atomic = commits.transaction.atomic
    monkeypatch.setattr(commits.transaction, "atomic", lambda: begun.append(1) or atomic())

    told = together(*(writing(reflection(str(number))) for number in range(8)))

    assert sorted(told) == sorted(map(str, range(8)))
    assert texts() == set(told)
    assert len(begun) == 1


def test_what_one_cannot_write_does_not_undo_the_others() -> None:
    """Neither an error in the middle nor one that shows only at the commit."""

    def broken() -> str:
        raise DatabaseError("no room")

    orphan = reflection("orphan", submitted_by_id=4711)

    told = together(writing(reflection("one")), broken, writing(orphan), writing(reflection("two")))

    assert told[0] == "one"
    assert told[3] == "two"
    assert isinstance(told[1], DatabaseError)
    assert isinstance(told[2], IntegrityError)
    assert texts() == {"one", "two"}


def test_row_that_is_written_twice_has_the_number_of_the_second_time() -> None:
    """Its first transaction was undone for another's sake."""
    rows: list[Job] = []

    def write() -> str:
        owned = reflection("owned")
        insert([owned])
        job = Job(reflection=owned, available_at=timezone.now())
        insert([job])
        rows.append(job)
        return "owned"

    together(write, writing(reflection("orphan", submitted_by_id=4711)))

    assert [job.pk for job in rows[-1:]] == list(Job.objects.values_list("pk", flat=True))


def test_within_a_transaction_it_is_part_of_that() -> None:
    """Who has begun one commits it; another thread could not see what stands there."""
    with commits.transaction.atomic():
        with CaptureQueriesContext(connection) as captured:
            commit(writing(reflection("inside")))
        commits.transaction.set_rollback(True)

    assert captured[0]["sql"].startswith("SAVEPOINT")
    assert texts() == set()


def test_counts_of_look_ups_wait_for_their_turn_too() -> None:
    """They are written beside requests, which would sleep if they found the file locked."""
    cache = get_cache()
    cache.get({"text": "unknown"})

    def flush() -> None:
        try:
            cache.flush()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as executor:
        with commits._group._turn:
            flushed = executor.submit(flush)
            while not commits._group._waiting:
                assert not flushed.done()
            assert not LookupBatch.objects.exists()
        flushed.result()

    assert LookupBatch.objects.count() == 1
