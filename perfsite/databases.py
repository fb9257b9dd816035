"""How the site talks to its databases, made of what their URLs say; pure.

Reflections and jobs live in the main one. The cache lives apart, so that its writes never wait for
the job queue's.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
CACHE_SCHEMA = "perfsite_cache"
ACCEPTED = (
    "a SQLite URL (sqlite:////path/file.sqlite3) or a PostgreSQL URL "
    "(postgresql://user:password@host/database)"
)


def main(config: dict[str, Any]) -> dict[str, Any]:
    """Return the main database: a commit that was answered survives a power cut.

    Raises:
        ImproperlyConfigured: it is neither SQLite nor PostgreSQL.
    """
    if config.get("ENGINE") == SQLITE:
        return _sqlite({**config, "CONN_MAX_AGE": None}, synchronous="FULL", wait_seconds=20)
    if config.get("ENGINE") == POSTGRESQL:
        return _postgresql(config)
    raise ImproperlyConfigured(f"DATABASE_URL must be {ACCEPTED}.")


def cache(config: dict[str, Any]) -> dict[str, Any]:
    """Return the cache's database: a file of its own, or in PostgreSQL a schema of its own.

    Raises:
        ImproperlyConfigured: it is neither SQLite nor PostgreSQL.
    """
    if config.get("ENGINE") == SQLITE:
        # The file may be replaced by another, so each request opens it anew (2 ms; look-ups have
        # connections of their own); and while it is locked the pages do without it.
        return _sqlite({**config, "CONN_MAX_AGE": 0}, synchronous="NORMAL", wait_seconds=2)
    if config.get("ENGINE") == POSTGRESQL:
        options = {**config.get("OPTIONS", {}), "options": f"-c search_path={CACHE_SCHEMA}"}
        return _postgresql({**config, "OPTIONS": options})
    raise ImproperlyConfigured(f"CACHE_DATABASE_URL must be {ACCEPTED}.")


def _sqlite(config: dict[str, Any], *, synchronous: str, wait_seconds: int) -> dict[str, Any]:
    """Return a SQLite database with the PRAGMAs that let several processes share a file.

    IMMEDIATE transactions wait for a lock instead of failing in the middle. secure_delete
    overwrites what is deleted, so that a forgotten reflection's bytes go too.
    """
    options = {
        "timeout": wait_seconds,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; "
            f"PRAGMA journal_size_limit=67108864; PRAGMA synchronous={synchronous}; "
            "PRAGMA secure_delete=ON;"
        ),
    }
    return {**config, "OPTIONS": options}


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    """Return a PostgreSQL database whose connections are kept, and looked at before each use."""
    return {**config, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
