"""A submission whose both stages are cached: finished at once, for next to nothing."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrichment import tasks
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.webhooks import outbox
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

REFLECTIONS = "/api/v1/reflections/"
TEXT = {"text": "I am grateful for my sister today"}
# The token, and in one transaction reflection, both results and job.
STATEMENTS = ["SELECT", "BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT"]


@pytest.fixture
def client(api: TokenMaker, model: Script) -> APIClient:
    """A web app's client; its text was submitted and is cached."""
    client = api("enrich:run", "enrich:read")
    assert client.post(REFLECTIONS, TEXT, format="json").status_code == 202
    tasks.run_next_job()
    return client


def kinds(captured: Sequence[dict[str, str]]) -> list[str]:
    return [query["sql"].split()[0] for query in captured]


def test_cached_submission_costs_a_token_and_one_transaction(client: APIClient) -> None:
    """What it wrote is not read back, not even for its tag, and the queue is not asked; who is to
    be told of it is asked once a second, which the first of the two did.
    """
    outbox.forget()
    client.post(REFLECTIONS, TEXT, format="json")

    with CaptureQueriesContext(connection) as captured:
        answer = client.post(REFLECTIONS, TEXT, format="json")

    assert answer.status_code == 200
    assert kinds(captured) == STATEMENTS
    assert answer["ETag"] == client.get(answer["Location"])["ETag"]


def test_first_answer_is_the_one_that_is_read_later(client: APIClient) -> None:
    """It is made of what was written, and nothing of it is lost on the way to the tables."""
    first = client.post(REFLECTIONS, {**TEXT, "owner": "ada"}, format="json")

    later = client.get(first.headers["Location"])

    assert first.json() == later.json()


def test_parallel_cached_submissions_are_all_stored_whole(client: APIClient) -> None:
    """However many threads write at once, each answer stands for a reflection with its parts."""
    before = Reflection.objects.count()
    together = threading.Barrier(8)

    def submit(_number: int) -> int:
        together.wait()
        try:
            return client.post(REFLECTIONS, TEXT, format="json").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as executor:
        codes = list(executor.map(submit, range(8)))

    assert codes == [200] * 8
    assert Reflection.objects.count() == before + 8
    assert Job.objects.filter(status=Status.COMPLETE).count() == before + 8
    assert StageResult.objects.count() == 2 * (before + 8)
