"""Calls to models, as clients tell of them and as rows, for tests of what is made of them."""

import random
from datetime import datetime, timedelta

from django.utils import timezone

from enrichment.inference.messages import Call, Timings
from enrichment.models import InferenceCall

TIMINGS = Timings(
    total_ms=70.0,
    load_ms=10.0,
    prompt_ms=20.0,
    generation_ms=30.0,
    prompt_tokens=8,
    generated_tokens=3,
)


def call(**changes) -> Call:
    """Return an answered call, with some values changed."""
    values = {
        "host": "http://here:11434",
        "model": "small:1b",
        "kind": "chat",
        "elapsed_ms": 100.0,
        "attempts": 1,
        "timings": TIMINGS,
    }
    return Call(**{**values, **changes})


def row(**changes) -> InferenceCall:
    """Return an answered call of now, with some values changed."""
    values = {
        "at": timezone.now(),
        "host": "http://here",
        "model": "small:1b",
        "kind": "generate",
        "elapsed_ms": 100.0,
        "queue_ms": 10.0,
        "load_ms": 20.0,
        "prompt_ms": 40.0,
        "generation_ms": 30.0,
        "prompt_tokens": 8,
        "generated_tokens": 3,
        "attempts": 1,
    }
    return InferenceCall(**{**values, **changes})


def failed(**changes) -> InferenceCall:
    """Return a call that failed."""
    unknown = dict.fromkeys(
        ("load_ms", "prompt_ms", "generation_ms", "prompt_tokens", "generated_tokens")
    )
    return row(**{"error": "HostBusy", **unknown, **changes})


def many(now: datetime, length: timedelta, count: int) -> None:
    """Keep calls of two hosts and kinds, spread evenly over the time before now; some failed."""
    rng = random.Random(1)
    rows = []
    for number in range(count):
        spent = [round(rng.lognormvariate(mean, 0.7), 3) for mean in (1, 2, 5, 6)]
        about = {
            "at": now - length * (number / count),
            "host": f"http://host{number % 2}",
            "kind": ("chat", "generate")[number % 3 == 0],
            "attempts": 1 + (number % 11 == 0),
        }
        if number % 17 == 0:
            rows.append(failed(**about))
            continue
        parts = dict(zip(("queue_ms", "load_ms", "prompt_ms", "generation_ms"), spent, strict=True))
        tokens = {"prompt_tokens": 100 + number % 7, "generated_tokens": 1 + number % 5}
        rows.append(row(elapsed_ms=sum(spent), **parts, **tokens, **about))
    InferenceCall.objects.bulk_create(rows)
