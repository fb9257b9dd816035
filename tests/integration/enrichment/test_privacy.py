"""What a reflection's words, owner and time must never reach; what one owner must not learn."""

import io
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from cachestats.models import CacheEntry, EntryUse, Failure, LookupBatch
from enrichment import tasks
from enrichment.models import HostState, Job, Reflection, StageResult, Status
from enrichment.stages.prompts import FEELING_ENDINGS
from perfsite.logs import FORMATS, logging_config
from tests.conftest import TokenMaker
from tests.standin import BREAKS_OFF, Answer, Script, as_json, feeling, written

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")
TEXT = "I'm feeling grateful for my sister today"
QUESTIONS = len(FEELING_ENDINGS) + 1  # of one Stage 1


def submit(client: APIClient, text: str = TEXT, **fields: str):
    return client.post(URL, {"text": text, **fields}, format="json")


# What is logged, kept, asked


def echo(body: dict[str, Any]) -> str:
    """Return what a host says that quotes the question it was asked."""
    return f"cannot make sense of {body.get('prompt') or body['messages']}"


ECHOES: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "400": lambda body: as_json({"error": echo(body)}, 400),
    "404": lambda body: as_json({"error": echo(body)}, 404),
    "500": lambda body: as_json({"error": echo(body)}, 500),
    "503": lambda body: as_json({"error": echo(body)}, 503),
    "plain text": lambda body: (500, echo(body).encode()),
    "error in the stream": lambda body: (
        BREAKS_OFF,
        json.dumps({"response": "a"}).encode() + b"\n" + json.dumps({"error": echo(body)}).encode(),
    ),
    "broken stream": lambda body: (BREAKS_OFF, json.dumps({"response": echo(body)}).encode()),
    "no number": lambda body: as_json(
        {"done": True, "response": "a", "logprobs": [{"top_logprobs": [{"logprob": echo(body)}]}]}
    ),
    "no time": lambda body: as_json({"done": True, "response": "a", "eval_count": echo(body)}),
    "candidates": lambda body: feeling({**dict.fromkeys(echo(body).split(), -3.0), "happy": -0.1}),
}


def quoting(kind: type[Exception]) -> Callable[[str], Any]:
    """Return a reader of texts that fails with an error that quotes what it read."""

    def read(text: str) -> Any:
        raise kind(f"can't read {text!r}", {"params": [text]})

    return read


FAULTS = (None, *ECHOES, "writing", ValueError, KeyError, DataError, IntegrityError)
WORD = st.from_regex(r"zq[bcdfghjkmpqvwxz]{6}é?", fullmatch=True)


@contextmanager
def lines(form: str) -> Iterator[Callable[[], str]]:
    """Collect what all loggers say, as the site's log has it."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    config = logging_config(form, "DEBUG")["formatters"]["lines"]
    handler.setFormatter(config.pop("()")(**config))
    loggers = [logging.getLogger(name) for name in ("", "django", "django-q", "enrichment")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    try:
        yield told.getvalue
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@given(
    words=st.lists(WORD, min_size=1, max_size=5),
    owner=st.from_regex(r"zqo[bcdfghjkmpqvwxz]{6}", fullmatch=True),
    at=st.datetimes(datetime(1971, 1, 1), datetime(1999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"]),
    fault=st.sampled_from(FAULTS),
    form=st.sampled_from(FORMATS),
)
@property_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Each try is a whole job; a smaller one would tell no more.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
def test_words_owner_and_time_of_a_reflection_reach_no_log_prompt_or_cache(
    api: TokenMaker, model: Script, words, owner, at, zone, fault, form
):
    """Whatever a host says or raises: the words are in the row of the text alone, and in what
    the model wrote where that was invalid; owner, time and other reflections are nowhere else.
    """
    for rows in (HostState, CacheEntry, EntryUse, Failure, StageResult):
        rows.objects.all().delete()
    plain, model.asked = Script(), []
    model.generate, model.chat = ECHOES.get(str(fault), plain.generate), plain.chat
    if fault == "writing":
        model.chat = lambda _body: written(f"{' '.join(words)} {owner}")
    text = f"I was so happy and grateful for {' and '.join(words)} today"

    with lines(form) as told, pytest.MonkeyPatch.context() as patch:
        if isinstance(fault, type):
            patch.setattr("enrichment.stages.lexicon.read", quoting(fault))
        client = api(*RUN_AND_READ, owner=owner)
        made = submit(client, text, timestamp=at.isoformat(), timezone=zone).json()
        tasks.run_next_job()
        log = told()

    job = Job.objects.for_people().get(reflection=made["id"])
    assert "[JOB]" in log
    if isinstance(fault, type):
        assert (job.status, job.last_error) == (Status.QUEUED, fault.__name__)
    kept = json.dumps(
        [
            [bytes(value).decode() for value in CacheEntry.objects.values_list("value", flat=True)],
            [
                list(map(str, rows.objects.values()))
                for rows in (EntryUse, LookupBatch, HostState, Job)
            ],
            list(StageResult.objects.values("result", "reason", "model", "engine")),
            model.questions("/api/chat"),
        ],
        ensure_ascii=False,
    )
    for private in (*words, owner, at.isoformat(), at.strftime("%Y-%m-%d"), zone):
        if private != "UTC":
            assert private not in log
            assert private not in kept
    questions = json.dumps([asked for _, asked in model.asked])
    assert not any(private in questions for private in (owner, made["id"], at.isoformat()))
    raw = " ".join(StageResult.objects.values_list("raw_reply", flat=True))
    assert (words[0] in raw) == (fault in {"writing", "no number", "no time"})
    Job.objects.filter(pk=job.pk).update(status=Status.CANCELLED)


def test_ticket_that_fails_tells_the_queue_no_words(api: TokenMaker, model: Script, monkeypatch):
    """django-q2 logs and keeps what a ticket raises; an error in another's wake quotes both."""
    submit(api("enrich:run"), "zyxgrobble and a grateful evening")
    monkeypatch.setattr("enrichment.stages.lexicon.read", quoting(ValueError))

    def refuse(job: Job, error: Exception) -> None:
        raise DataError(f"Failing row contains ({error}).")

    monkeypatch.setattr("enrichment.jobs.give_back", refuse)
    try:
        tasks.run_next_job()
    except tasks.TicketFailed as failed:
        told = f"{failed} : {traceback.format_exc()}"

    assert "zyxgrobble" not in told
    assert "DataError" in told


def test_error_for_other_processes_is_gone_with_the_reflection(
    api: TokenMaker, model: Script, monkeypatch
):
    """Who waits for the same answer hears of an error; no longer once the text is forgotten."""
    client = api(*RUN_AND_READ)
    monkeypatch.setattr("enrichment.stages.lexicon.read", quoting(ValueError))
    place = submit(client, "zyxgrobble and a grateful evening")["Location"]
    tasks.run_next_job()
    assert "zyxgrobble" in Failure.objects.get().error

    client.delete(place)

    assert not Failure.objects.exists()


def test_error_after_the_deletion_leaves_no_words(api: TokenMaker, model: Script, monkeypatch):
    """A job that fails once its reflection is forgotten is not told of either."""
    client = api(*RUN_AND_READ)
    place = submit(client, "zyxgrobble and a grateful evening")["Location"]

    def forget_then_fail(text: str) -> None:
        client.delete(place)
        raise ValueError(text)

    monkeypatch.setattr("enrichment.stages.lexicon.read", forget_then_fail)
    tasks.run_next_job()

    assert not Reflection.objects.exists()
    assert not Failure.objects.exists()


def test_preview_stays_on_its_line_and_commands_no_terminal(
    api: TokenMaker, model: Script, settings: Settings
):
    """Where previews are on, a text can't pretend to be a line of the log."""
    settings.LOG_PREVIEWS = True
    with lines("console") as told:
        submit(api("enrich:run"), "grateful\n[JOB] Done \x1b[2J\u202e today")
        tasks.run_next_job()
        log = told()

    assert "Stage 1: grateful [JOB] Done \ufffd[2J\ufffd today" in log
    assert "\x1b" not in log


# What one owner learns of another


def test_two_owners_of_the_same_words_get_two_answers(api: TokenMaker, model: Script):
    """The model is asked for each, the second look-up is a plain miss, and no header, key or
    reason tells that somebody wrote the same before.
    """
    ada, bob = (api(*RUN_AND_READ, "cache:read", owner=owner) for owner in ("ada", "bob"))
    asked, shown, told = [], [], []
    for client in (ada, bob):
        place = submit(client)["Location"]
        tasks.run_next_job()
        get_cache().flush()
        asked.append(len(model.questions("/api/generate")))
        shown.append(client.get(place))
        told.append(client.get("/api/v1/cache/stats/").json())

    assert asked == [QUESTIONS, 2 * QUESTIONS]
    ours, theirs = (response.json()["stage1"] for response in shown)
    assert (ours["cache"], theirs["cache"]) == ("miss", "miss")
    assert (ours["age_seconds"], theirs["age_seconds"]) == (0, 0)
    assert ours["result"] == theirs["result"]
    assert len(theirs["key"]) == 8
    assert ours["key"] != theirs["key"]
    assert {response["X-Cache"] for response in shown} == {"MISS"}
    reasons = [report["by_type"]["stage1_enrichment"]["reasons"] for report in told]
    assert reasons == [{"first_seen": 1}, {"first_seen": 2}]


def test_owner_does_not_join_anothers_question_in_flight(api: TokenMaker, model: Script):
    """While one owner's words are with the model, another's same words are asked anew."""
    places = [submit(api(*RUN_AND_READ, owner=owner))["Location"] for owner in ("ada", "bob")]
    together = threading.Barrier(2, timeout=20)
    plain = model.generate

    def both_at_once(body: dict[str, Any]) -> Answer:
        # Whoever waited for the other's answer instead of asking would never come here.
        if len(model.questions("/api/generate")) <= 2:
            together.wait()
        return plain(body)

    def work() -> None:
        with closing(connection):
            tasks.run_next_job()

    model.generate = both_at_once
    workers = [threading.Thread(target=work) for _ in places]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert not together.broken
    assert len(model.questions("/api/generate")) == 2 * QUESTIONS
    caches = StageResult.objects.filter(stage=1).values_list("cache", flat=True)
    assert list(caches) == ["miss", "miss"]


def test_site_token_shares_answers_among_the_owners_it_names(api: TokenMaker, model: Script):
    """The web app's own token is one scope: the second reflection is answered at once."""
    client = api(*RUN_AND_READ)
    submit(client, owner="ada")
    tasks.run_next_job()

    again = submit(client, owner="bob")

    assert (again.status_code, again["X-Cache"]) == (200, "HIT")
    assert len(model.questions("/api/generate")) == QUESTIONS


def test_person_and_token_of_the_same_name_share_nothing(
    api: TokenMaker, model: Script, client, person
):
    """Who signs in as "ada" is not the owner "ada" of a token."""
    submit(api(*RUN_AND_READ, owner=person.get_username()))
    tasks.run_next_job()
    client.force_login(person)

    client.post("/reflections/", {"text": TEXT})
    tasks.run_next_job()

    assert len(model.questions("/api/generate")) == 2 * QUESTIONS


def test_stranger_learns_nothing_from_an_id(api: TokenMaker, model: Script):
    """Another's reflection and one that never was are the same answer, byte for byte."""
    place = submit(api(*RUN_AND_READ, owner="ada"))["Location"]
    nobodys = f"{URL}00000000-0000-0000-0000-000000000000/"
    bob = api(*RUN_AND_READ, owner="bob")

    for method in ("get", "delete"):
        theirs, none = (getattr(bob, method)(path) for path in (place, nobodys))
        assert (theirs.status_code, none.status_code) == (404, 404)
        assert theirs.content.replace(place.encode(), b"") == none.content.replace(
            nobodys.encode(), b""
        )
        assert set(theirs.headers) == set(none.headers)


def test_no_cache_on_the_way_keeps_what_somebody_wrote(
    api: TokenMaker, model: Script, client, person
):
    """Answers and pages with a text say that nobody is to store them."""
    token = api(*RUN_AND_READ)
    sent = submit(token)
    client.force_login(person)
    page = client.post("/reflections/", {"text": TEXT}, follow=True)

    for response in (sent, token.get(sent["Location"]), page, client.get("/")):
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]
