"""How the site talks to its databases, made of what their URLs say; pure.

Reflections and jobs live in the main one. The cache lives apart, so that its writes never wait for
the job queue's.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from perfsite.sqlite_files import ExistingFile

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
CACHE_SCHEMA = "perfsite_cache"
# What libpq is told, seconds and milliseconds: after 10 s of silence ask, and three times in all.
ANSWER_OR_END = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# What the server is told of the same.
NOTICE_THE_DEAD = (
    "-c tcp_keepalives_idle=10",
    "-c tcp_keepalives_interval=5",
    "-c tcp_keepalives_count=3",
    "-c tcp_user_timeout=25000",
)
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
        made = _sqlite({**config, "CONN_MAX_AGE": 0}, synchronous="NORMAL", wait_seconds=2)
        # Only `migrate` and a repair make the file.
        return {**made, "OPTIONS": {**made["OPTIONS"], "factory": ExistingFile}}
    if config.get("ENGINE") == POSTGRESQL:
        return _postgresql(config, f"-c search_path={CACHE_SCHEMA}")
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


def _postgresql(config: dict[str, Any], *settings: str) -> dict[str, Any]:
    """Return a PostgreSQL database whose connections are kept, and looked at before each use.

    A machine that lost its power says nothing. Either side finds that out by itself, so that what
    such a machine had locked is free again before its jobs' leases end.

    Args:
        settings: of each session, as PostgreSQL's command line takes them.
    """
    given = config.get("OPTIONS", {})
    told = filter(None, [given.get("options", ""), *NOTICE_THE_DEAD, *settings])
    options = {**ANSWER_OR_END, **given, "options": " ".join(told)}
    return {**config, "OPTIONS": options, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
