"""A whole site forgets: files, log and, with PostgreSQL, every table."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pictures import photo
from tests.queues import until
from tests.servers import running_postgres
from tests.sites import running_site, wait_until_finished
from tests.standin import Script, as_json, standin, written
from tests.traces import files_with, tables_with

URL = "/api/v1/reflections/"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database; "" for the site's own file."""
    if request.param == "sqlite":
        yield ""
        return
    with running_postgres() as url:
        yield url


def where(word: str, folder: Path, database: str) -> list[str]:
    """Return the files and tables that hold a word."""
    return files_with(word, folder) + (tables_with(word, database) if database else [])


def test_site_forgets_every_word_and_never_logged_one(tmp_path: Path, database: str) -> None:
    """Through both stages, with a host that quotes what it is asked and a model that quotes what
    it read, at the most talkative level; the same words of two owners and in a picture; then all
    are deleted.
    """
    word = f"zq{uuid.uuid4().hex}é"
    text = f"I was so happy and grateful for {word} today"
    script = Script(
        chat=lambda _body: written(f"You wrote: {text}"), capabilities=("completion", "vision")
    )
    plain = script.generate
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "DEBUG": "0", "SECRET_KEY": "k" * 60}
    settings |= {"PERF_CACHE_PEPPER": "p" * 60, **({"DATABASE_URL": database} if database else {})}
    with (
        standin(script),
        running_site(tmp_path, OLLAMA_HOST=script.url, **settings) as site,
        site.client("enrich:run", "enrich:read") as client,
    ):
        script.generate = lambda body: as_json({"error": f"no: {body.get('prompt')}"}, 500)
        again = client.post(URL, json={"text": text, "owner": "ada"}).headers["Location"]
        assert wait_until_finished(client, again)["stage1"]["outcome"] == "fallback"
        script.generate = plain
        until(lambda: client.get(again).json()["stage1"]["outcome"] == "model")
        twice = client.post(URL, json={"text": text, "owner": "bob"}).headers["Location"]
        assert wait_until_finished(client, twice)["stage2"]["outcome"] == "fallback"
        picture = client.post(URL, files={"image": photo()}).headers["Location"]
        assert word in wait_until_finished(client, picture)["text"]
        found = where(word, tmp_path, database)
        for place in (again, twice, picture):
            assert client.delete(place).status_code == 204

        left = where(word, tmp_path, database)

    if database:
        assert {"enrichment_reflection", "enrichment_stageresult"} <= set(found)
    assert found
    assert "output.txt" not in found
    assert left == []
    assert where(word, tmp_path, database) == []
    log = (tmp_path / "output.txt").read_text()
    assert "[JOB] Done" in log
    assert word[:-1] not in log
