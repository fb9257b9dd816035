"""Examples of what is sent and answered, for the API's description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

ID = "0b8d7a52-6f0e-4e0c-9a77-52a1f0f1c1de"
FEELING: dict[str, Any] = {
    "outcome": "model",
    "cache": "hit",
    "age_seconds": 86,
    "key": "9f2c41d0",
    "engine": "ollama",
    "model": "llama3.2:3b",
    "duration_ms": 1.2,
    "reason": "",
    "result": {
        "wheel": {"primary": "joyful", "secondary": "proud", "tertiary": "important"},
        "undetermined": False,
        "invoked": ["connection"],
        "expressed": ["warm"],
        "valence": 0.82,
        "arousal": 0.45,
        "confidence": 0.71,
        "events": ["family"],
        "congruence": 0.9,
        "language": {"detected": "en", "confidence": 0.99},
        "warnings": [],
        "provenance": {"engine": "ollama", "model": "llama3.2:3b", "method": "likelihood"},
    },
    "remarks": ["Third day in a row."],
}
WRITING: dict[str, Any] = {
    "outcome": "model",
    "cache": "hit",
    "age_seconds": 86,
    "key": "51be07aa",
    "engine": "ollama",
    "model": "llama3.2:3b",
    "duration_ms": 0.8,
    "reason": "",
    "result": {
        "poem": ["A quiet light is here,", "and somebody who cares."],
        "tips": ["Tell her.", "Write it down.", "Sit with it for a minute."],
        "closing_line": "It is good to have someone.",
        "provenance": {"engine": "ollama", "model": "llama3.2:3b", "variant": 0},
    },
    "style": {"voice": "warm", "tempo": "mid"},
    "tags": ["joyful", "connection", "warm"],
    "variant": {"number": 1, "of": 3},
}
FINISHED: dict[str, Any] = {
    "id": ID,
    "status": "complete",
    "text": "I'm feeling grateful for my sister today",
    "owner": "ada",
    "timestamp": "2026-01-31T08:00:00+01:00",
    "timezone": "Europe/Berlin",
    "created_at": "2026-01-31T07:00:01.120000+00:00",
    "risk": {"flagged": False, "signals": []},
    "enrich_again": False,
    "image": None,
    "stage1": FEELING,
    "stage2": WRITING,
}
QUEUED = {**FINISHED, "status": "queued", "stage1": None, "stage2": None}

SUBMISSIONS = [
    OpenApiExample("A text alone", value={"text": FINISHED["text"]}, request_only=True),
    OpenApiExample(
        "With its time and place",
        value={
            "text": FINISHED["text"],
            "owner": "ada",
            "timestamp": FINISHED["timestamp"],
            "timezone": "Europe/Berlin",
        },
        request_only=True,
    ),
    OpenApiExample(
        "A form without a picture",
        value={"text": FINISHED["text"], "priority": "bulk"},
        request_only=True,
        media_type="multipart/form-data",
    ),
    OpenApiExample("Cached", value=FINISHED, response_only=True, status_codes=["200"]),
    OpenApiExample("Queued", value=QUEUED, response_only=True, status_codes=["202"]),
]
REFLECTIONS = [
    OpenApiExample("Finished", value=FINISHED, response_only=True, status_codes=["200"]),
    OpenApiExample("Waiting", value=QUEUED, response_only=True, status_codes=["200", "202"]),
]
PAGES = [
    OpenApiExample(
        "Newest first",
        value={
            "next": "/api/v1/reflections/?cursor=AAyTU0bwJgALjXpSbw5ODJp3UqHw8cHe",
            "previous": None,
            "results": [QUEUED],
        },
        response_only=True,
        status_codes=["200"],
    ),
]
RETRIES = [
    OpenApiExample("All that failed", value={"status": ["failed"]}, request_only=True),
    OpenApiExample("Two of them", value={"matched": 2, "queued": 2}, response_only=True),
]
CANCELLATIONS = [
    OpenApiExample("One of them", value={"ids": [ID]}, request_only=True),
    OpenApiExample("It is ended", value={"matched": 1, "cancelled": 1}, response_only=True),
]
