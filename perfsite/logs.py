"""How log lines look: for a person at a console, or one JSON object a line for a collector.

Every line of a job's work names it: what `structlog.contextvars` holds goes into each line that
this process writes meanwhile, whoever writes it. Tracebacks name places in the code and never
values, which may be what somebody wrote.
"""

from typing import Any

import structlog

CONSOLE, JSON = "console", "json"
FORMATS = (CONSOLE, JSON)
# What log calls may add by `extra`; Django adds whole requests, which belong in no log.
FIELDS = ("stage", "queue_ms", "run_ms", "status_code")


def logging_config(form: str, level: str) -> dict[str, Any]:
    """Return the settings of `logging`.

    Args:
        form: one of FORMATS.
        level: from which on our own lines are shown; others' from WARNING on.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": _formatter, "form": form}},
        "filters": {
            # 503 is an answer that monitors ask for again and again, not a fault.
            "faults": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: getattr(record, "status_code", 0) != 503,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            **{name: {"level": level} for name in ("perfsite", "cachestats", "enrichment")},
            # Django's own handlers would say everything twice.
            "django": {"handlers": [], "level": "WARNING"},
            "django.request": {"filters": ["faults"]},
        },
    }


def _formatter(form: str) -> structlog.stdlib.ProcessorFormatter:
    rendering: list[structlog.typing.Processor]
    if form == JSON:
        rendering = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                pad_level=False,
                exception_formatter=structlog.dev.plain_traceback,
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
