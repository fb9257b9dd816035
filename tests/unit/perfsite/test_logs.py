"""How errors look in the log: where and of what kind, without words that may be somebody's."""

import json
import logging
import sqlite3

import pytest
from django.db import DataError, IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import HostUnreachable
from perfsite.logs import FORMATS, logging_config

MADE_UP = st.from_regex(r"zq[bcdfghjkmpqvwxz]{6}", fullmatch=True)
KINDS = [ValueError, KeyError, RuntimeError, AssertionError, DataError, IntegrityError, TypeError]


def line_of(error: BaseException, form: str) -> str:
    """Return the line that an error leaves in the log."""
    config = logging_config(form, "INFO")["formatters"]["lines"]
    formatter = config.pop("()")(**config)
    told = (type(error), error, error.__traceback__)
    return formatter.format(
        logging.LogRecord("enrichment.tasks", logging.ERROR, "", 0, "[JOB] Failed", (), told)
    )


def raised(error: Exception, cause: Exception | None, words: str) -> Exception:
    """Return an error as it comes out of code that held the words in a variable."""
    try:
        _fail(error, cause, words)
    except Exception as exc:
        return exc
    raise AssertionError


def _fail(error: Exception, cause: Exception | None, held: str) -> None:
    if cause is None:
        raise error
    try:
        _fail(cause, None, held)
    except Exception as exc:
        raise error from exc


@given(
    MADE_UP, st.sampled_from(KINDS), st.none() | st.sampled_from(KINDS), st.sampled_from(FORMATS)
)
def test_log_of_an_error_that_quotes_somebody_holds_no_word_of_it(words, kind, cause, form):
    """Neither an error's words, nor its causes', nor a traceback's variables are written."""
    error = raised(kind(f"can't store {words}"), cause and cause(words, {"params": words}), words)

    line = line_of(error, form)

    assert words not in line
    assert kind.__name__ in line
    assert cause is None or cause.__name__ in line
    assert "in _fail" in line


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            sqlite3.OperationalError("no such table: enrichment_job"),
            "no such table: enrichment_job",
        ),
        (FileNotFoundError(2, "No such file", "var/x"), "No such file"),
        (ModuleNotFoundError("No module named 'x'"), "No module named"),
        (HostUnreachable("nothing answers at http://host"), "nothing answers at http://host"),
    ],
)
def test_log_of_an_error_of_ours_or_of_the_machine_says_what_is_wrong(error, words, form):
    """What names only files, modules, tables and hosts is what an operator needs."""
    assert words in line_of(error, form)


def test_log_of_an_error_with_a_cause_tells_both_first_things_first():
    """As Python does; one line of JSON for a collector."""
    error = raised(IntegrityError("wrapped"), sqlite3.IntegrityError("UNIQUE failed: a.b"), "")
    told = json.loads(line_of(error, "json"))["exception"]
    assert told.index("UNIQUE failed: a.b") < told.index("django.db.utils.IntegrityError")


def test_log_of_errors_in_a_ring_ends():
    """Errors that name each other as cause do not keep the log busy."""
    one, other = ValueError(1), KeyError(2)
    one.__cause__, other.__cause__ = other, one
    assert line_of(one, "console").count("ValueError") == 1


def test_levels_of_single_loggers_are_taken_but_for_the_one_that_writes_values():
    """Django's log of SQL holds whatever is stored, so nobody can switch it on by accident."""
    wanted = {"django": "DEBUG", "django.db.backends": "DEBUG", "enrichment": "WARNING"}
    loggers = logging_config("json", "INFO", wanted)["loggers"]

    assert loggers["django"]["level"] == "DEBUG"
    assert loggers["enrichment"]["level"] == "WARNING"
    assert loggers["cachestats"]["level"] == "INFO"
    assert loggers["django.db.backends"]["level"] == "INFO"
