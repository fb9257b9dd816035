"""How log lines look: for a person at a console, or one JSON object a line for a collector.

Every line of a job's work names it, and every line of a request's that: what
`structlog.contextvars` holds goes into each line that this thread writes meanwhile, whoever writes
it. Tracebacks name places in the code and kinds of errors, and the words of an error only where
they are known to quote nobody: a value that can't be read, or the row that a database refused, may
be what somebody wrote. So may an address: the log has which of ours it matched.
"""

import logging
import sqlite3
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from django.http import HttpRequest

from enrichment.errors import EnrichmentError
from perfsite.request_ids import place_of

CONSOLE, JSON = "console", "json"
FORMATS = (CONSOLE, JSON)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# What log calls may add by `extra`; Django adds whole requests, which belong in no log.
FIELDS = ("job", "reflection", "stage", "queue_ms", "run_ms", "status_code")
OURS = ("perfsite", "cachestats", "enrichment")
# Files, modules, tables and hosts: what these errors name is ours.
QUOTABLE = (EnrichmentError, ImportError, OSError, sqlite3.Error)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def logging_config(
    form: str, level: str, levels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the settings of `logging`.

    Args:
        form: one of FORMATS.
        level: from which on our own lines are shown; others' from WARNING on.
        levels: of single loggers, ours or others', by name.
    """
    named = {**dict.fromkeys(OURS, level), "django": "WARNING", **(levels or {})}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": _formatter, "form": form}},
        "filters": {
            # 503 is an answer that monitors ask for again and again, not a fault.
            "faults": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: getattr(record, "status_code", 0) != 503,
            },
            "places": {"()": "django.utils.log.CallbackFilter", "callback": _name_the_place},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["places"],
            }
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            **{name: {"level": level} for name, level in named.items()},
            # Django's own handlers would say everything twice.
            "django": {"handlers": [], "level": named["django"]},
            "django.request": {
                "filters": ["faults"],
                "level": named.get("django.request", "NOTSET"),
            },
            # Below that it writes what statements hold.
            "django.db.backends": {"level": "INFO"},
        },
    }


def _name_the_place(record: logging.LogRecord) -> bool:
    """Put the view's address in the place of the one that was asked for, as Django logs it."""
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
        # Escaped as Django does it for its log.
        asked = request.path.encode("unicode_escape").decode("ascii")
        record.args = tuple(place_of(request) if arg == asked else arg for arg in record.args)
    return True


def _formatter(form: str) -> structlog.stdlib.ProcessorFormatter:
    rendering: list[structlog.typing.Processor]
    if form == JSON:
        rendering = [
            structlog.processors.ExceptionRenderer(_traceback),
            structlog.processors.JSONRenderer(),
        ]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                pad_level=False,
                exception_formatter=_write_traceback,
            )
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ExtraAdder(allow=FIELDS),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *rendering,
        ],
    )


def _traceback(exc_info: ExcInfo) -> str:
    """Return the places that an error and its causes came through, first things first."""
    return "\n".join(reversed(list(_told(exc_info[1]))))


def _told(error: BaseException | None) -> Iterator[str]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kind = type(error)
        words = f": {error}" if isinstance(error, QUOTABLE) else ""
        places = "".join(traceback.format_tb(error.__traceback__))
        yield (
            f"Traceback (most recent call last):\n{places}"
            f"{kind.__module__}.{kind.__qualname__}{words}"
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _write_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    out.write("\n" + _traceback(exc_info))
