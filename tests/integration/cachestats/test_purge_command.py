"""manage.py purge_cache: its filters, its question, its output and its exit codes."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from cachestats import services
from cachestats.management.commands.purge_cache import Command
from cachestats.models import Audit, CacheEntry

pytestmark = pytest.mark.django_db(databases=["default", "cache"])


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that a test did not expect fails it."""
    monkeypatch.setattr("builtins.input", lambda: pytest.fail("it asked"))


def _answers(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("builtins.input", lambda: answer)


def _run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("purge_cache", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def _exit_code(*arguments: str) -> int:
    """What a shell sees. It ends with its connections closed, so needs real commits."""
    try:
        Command(stdout=StringIO(), stderr=StringIO()).run_from_argv(
            ["manage.py", "purge_cache", *arguments]
        )
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--type", "api"], {"bb", "cc", "dd"}),
        (["--model", "small"], {"aa", "cc", "dd"}),
        (["--key", "cc000000"], {"aa", "bb", "dd"}),
        (["--older-than", "7d"], {"aa", "bb", "dd"}),
        (["--expired"], {"aa", "bb", "cc"}),
        (["--all"], set()),
        (["--type", "api", "--model", "small"], {"aa", "bb", "cc", "dd"}),
    ],
)
def test_purge_cache_filter_deletes_what_matches(
    entry: Any, arguments: list[str], left: set[str]
) -> None:
    """Every filter of the service is an option, and options combine with AND."""
    entry("aa", type="api")
    entry("bb", model="small")
    entry("cc", age=8 * 86_400)
    entry("dd", expired=True)
    _run(*arguments, "--no-input")
    assert {row.key[:2] for row in CacheEntry.objects.all()} == left


def test_purge_cache_json_prints_json_alone(entry: Any) -> None:
    """Standard output is one JSON object, prose is elsewhere."""
    entry("aa", size=30, cost_ms=250.0)
    out, _ = _run("--all", "--no-input", "--json")
    assert json.loads(out) == {
        "matched": 1,
        "deleted": 1,
        "freed_bytes": 30,
        "dry_run": False,
        "matched_bytes": 30,
        "cost_seconds": 0.25,
        "audit_id": Audit.objects.get().pk,
    }


def test_purge_cache_json_that_asks_prints_json_alone(
    entry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question goes to standard error."""
    entry("aa", cost_ms=4310.5)
    _answers(monkeypatch, "yes")
    out, err = _run("--all", "--json")
    assert json.loads(out)["deleted"] == 1
    worth = "10 bytes, 4.3 s to compute again"
    assert err == f"This deletes 1 entries ({worth}). Type yes to go on: "


def test_purge_cache_says_how_many_in_one_sentence(entry: Any) -> None:
    """People get a sentence with the counts."""
    entry("aa", size=30)
    out, _ = _run("--all", "--no-input")
    assert out == "1 entries deleted, 30 bytes freed.\n"


def test_purge_cache_dry_run_deletes_nothing_and_asks_nothing(entry: Any) -> None:
    """A dry run tells what would go, and what it would cost to have it again."""
    entry("aa", cost_ms=4310.5)
    out, _ = _run("--all", "--dry-run")
    worth = "10 bytes, 4.3 s to compute again"
    assert out == f"1 entries match ({worth}); nothing was deleted.\n"
    assert CacheEntry.objects.count() == 1


def test_purge_cache_dry_run_json_has_the_same_names(entry: Any) -> None:
    """Scripts read one shape."""
    entry("aa", cost_ms=4310.5)
    out, _ = _run("--all", "--dry-run", "--json")
    assert json.loads(out) == {
        "matched": 1,
        "deleted": 0,
        "freed_bytes": 0,
        "dry_run": True,
        "matched_bytes": 10,
        "cost_seconds": 4.311,
        "audit_id": None,
    }


@pytest.mark.parametrize("answer", ["", "no", "y", "Yes", "yes "])
def test_purge_cache_any_answer_but_yes_deletes_nothing(
    entry: Any, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Only the whole word goes on."""
    entry("aa")
    _answers(monkeypatch, answer)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        _run("--all")
    assert CacheEntry.objects.count() == 1


def test_purge_cache_nobody_there_to_answer_deletes_nothing(
    entry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, as in a cron job, the answer is no and not a traceback."""

    def closed() -> str:
        raise EOFError

    entry("aa")
    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        _run("--all")
    assert CacheEntry.objects.count() == 1


def test_purge_cache_writes_the_audit_as_itself(entry: Any) -> None:
    """The audit tells that it was the command."""
    _run("--all", "--no-input")
    assert Audit.objects.get().actor == "purge_cache"


def test_purge_cache_exits_0_when_it_deleted_or_nothing_matched(
    databases: None, entry: Any
) -> None:
    """Nothing to do is no failure."""
    entry("aa")
    assert _exit_code("--all", "--no-input") == 0
    assert _exit_code("--all", "--no-input") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-input"],
        ["--type", "API", "--no-input"],
        ["--key", "short", "--no-input"],
        ["--older-than", "soon", "--no-input"],
        ["--model", "\udcff", "--no-input"],
        ["--unknown"],
        ["--type"],
        ["everything"],
    ],
)
def test_purge_cache_wrong_usage_exits_2(databases: None, entry: Any, arguments: list[str]) -> None:
    """Wrong usage deletes nothing."""
    entry("aa")
    assert _exit_code(*arguments) == 2
    assert CacheEntry.objects.count() == 1


def test_purge_cache_without_filter_names_the_accepted() -> None:
    """The error tells what to give."""
    with pytest.raises(CommandError, match="type, model, key, older_than, expired or all"):
        _run("--no-input")


def test_purge_cache_declined_exits_1(
    databases: None, entry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge that was not confirmed did not happen."""
    _answers(monkeypatch, "no")
    assert _exit_code("--all") == 1


def test_purge_cache_database_away_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that can't be written is a failure, told in a sentence."""

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(services, "purge", broken)
    assert _exit_code("--all", "--no-input") == 1
    with pytest.raises(CommandError, match="can't be purged: disk I/O error"):
        _run("--all", "--no-input")
