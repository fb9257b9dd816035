"""Django system checks of the whole site: what starts, and will not do.

Each has its paragraph in docs/operations.md, with what to do. What asks a server is checked only
where a database may be asked (`check --database default`, `migrate`); what is a matter of
production alone, with `check --deploy`.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import redis
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # its name
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Max
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from cachestats.config.current import load, read_file
from cachestats.config.schema import merge
from cachestats.errors import InvalidConfig
from enrichment.hosts import ENGINE_WAIT_SECONDS
from enrichment.models import SiteStart, WorkerHeartbeat
from enrichment.tasks import TURN_SECONDS
from perfsite.https import LOOPBACK_HOSTS

# Of a worker's turn: the questions of its longest job, of which each may take twice timeout_read.
QUESTIONS_OF_A_JOB = 6
# 128 bits, where each is a hexadecimal digit.
PEPPER_LENGTH, PEPPER_CHARACTERS = 32, 5
# A lease lasts 30 s, and a worker counts as dead sooner: clocks may differ by less than that.
CLOCK_SECONDS = 5.0
REDIS_SECONDS = 2.0
# Each thread keeps its own: to the main database, to the cache over Django, and for look-ups. Some
# threads of a process are at work beside those that answer.
WORKER_CONNECTIONS, WEB_CONNECTIONS, WEB_THREAD_CONNECTIONS = 12, 5, 3
LIMIT_OF_CONNECTIONS = """
SELECT sum(CASE name WHEN 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""
# Their machines do not share memory, which SQLite's write-ahead log is read through.
NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs"),
    *("gpfs", "gfs2", "ocfs2", "vboxsf", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph"),
    *("fuse.s3fs", "fuse.rclone"),
}

Databases = Sequence[str] | None


@register(Tags.security, deploy=True)
def pepper(**_kwargs: Any) -> list[CheckMessage]:
    """W001: who knows the pepper can try texts on the cache's keys."""
    given = settings.PERF_CACHE_PEPPER
    if len(given) < PEPPER_LENGTH or len(set(given)) < PEPPER_CHARACTERS:
        wrong = f"PERF_CACHE_PEPPER has less than {PEPPER_LENGTH} characters, or few different ones"
    elif given == settings.SECRET_KEY:
        wrong = "PERF_CACHE_PEPPER is the same as SECRET_KEY"
    else:
        return []
    hint = "Make another one; what is cached becomes misses."
    return [Warning(f"{wrong}.", hint=hint, id="perfsite.W001")]


@register(Tags.security)
def strangers_in_development(**_kwargs: Any) -> list[CheckMessage]:
    """W002: with DEBUG=1 an error shows settings and what was sent."""
    others = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK_HOSTS]
    if not settings.DEBUG or not others:
        return []
    wrong = f"DEBUG=1, and others may come: ALLOWED_HOSTS has {', '.join(others)}."
    return [Warning(wrong, hint="Set DEBUG=0 wherever others come.", id="perfsite.W002")]


@register(Tags.security, deploy=True)
def any_host(**_kwargs: Any) -> list[CheckMessage]:
    """W003: whoever may choose the name of the site chooses where its links lead."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Name the hosts that the site is asked by."
    return [Warning("ALLOWED_HOSTS accepts any host.", hint=hint, id="perfsite.W003")]


@register(Tags.database)
def queue_times(databases: Databases = None, **_kwargs: Any) -> list[CheckMessage]:
    """W004: the queue ends a worker that is still within its time, or hands its ticket out again.

    Of the tuning file; where the database may be asked, also of the revision over it.
    """
    try:
        tuned = load() if _asks_main(databases) else merge(read_file(settings.PERF_CONFIG))
    except (InvalidConfig, DatabaseError, InterfaceError):
        # cachestats.E001 says so; and before the first migration there is no revision.
        return []
    read_seconds = tuned.config.networking.timeout_read
    queue = settings.Q_CLUSTER
    turn = 2 * QUESTIONS_OF_A_JOB * read_seconds + ENGINE_WAIT_SECONDS + TURN_SECONDS
    found: list[CheckMessage] = []
    if queue["timeout"] <= turn:
        wrong = (
            f"The queue ends a worker after {queue['timeout']} s, but with networking.timeout_read "
            f"{read_seconds:g} its turn may take {turn:g} s."
        )
        hint = f"Lower timeout_read, or set QCLUSTER_TIMEOUT to more than {turn:g}."
        found.append(Warning(wrong, hint=hint, id="perfsite.W004"))
    waits = queue["timeout"] * (1 + queue["queue_limit"] / queue["workers"])
    if queue["retry"] <= waits:
        wrong = f"Q_CLUSTER's retry, {queue['retry']} s, is no more than a ticket waits, {waits:g}."
        hint = "Raise it, or tickets are handed out twice."
        found.append(Warning(wrong, hint=hint, id="perfsite.W004"))
    return found


@register(Tags.database)
def sqlite_on_a_network(**_kwargs: Any) -> list[CheckMessage]:
    """W005: a write-ahead log is damaged where machines share its file by network."""
    mounts = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True)}
    found: list[CheckMessage] = []
    for connection in connections.all():
        if connection.vendor != "sqlite":
            continue
        path = Path(connection.settings_dict["NAME"]).resolve()
        kind = next((mounts[str(up)] for up in path.parents if str(up) in mounts), "")
        if kind in NETWORK_FILE_SYSTEMS:
            wrong = (
                f"SQLite's file {path} ({connection.alias}) lies on a network file system ({kind})."
            )
            hint = "Put it on a disk of this machine, or use PostgreSQL."
            found.append(Warning(wrong, hint=hint, id="perfsite.W005"))
    return found


@register(Tags.database, deploy=True)
def cache_of_each_machine(**_kwargs: Any) -> list[CheckMessage]:
    """W006: with a file for the cache, machines share no hits, and deleting reaches one of them."""
    if (connections["default"].vendor, connections["cache"].vendor) != ("postgresql", "sqlite"):
        return []
    wrong = "The main database is PostgreSQL, but each machine has a cache of its own in SQLite."
    hint = "Unset CACHE_DATABASE_URL, or give it a PostgreSQL URL. It is well on one machine alone."
    return [Warning(wrong, hint=hint, id="perfsite.W006")]


@register(Tags.database)
def broker(databases: Databases = None, **_kwargs: Any) -> list[CheckMessage]:
    """W007: tickets wait in Redis, and it is away. Jobs wait for it and are not lost."""
    if not settings.REDIS_URL or not _asks_main(databases):
        return []
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except (redis.RedisError, OSError) as exc:
        wrong = f"Redis does not answer: {exc}"
        return [Warning(wrong, hint="Start it, or mend REDIS_URL.", id="perfsite.W007")]
    finally:
        client.close()
    return []


@register(Tags.database)
def clock(databases: Databases = None, **_kwargs: Any) -> list[CheckMessage]:
    """W008: leases and lives of entries go by the clocks of all machines."""
    if not _asks_main(databases):
        return []
    try:
        ahead = _database_ahead_seconds()
        future = _rows_from_the_future()
    except (DatabaseError, InterfaceError):
        # It is away, or was never migrated: other messages say so.
        return []
    wrong = []
    if abs(ahead) > CLOCK_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        wrong.append(f"The database's clock is {abs(ahead):.0f} s {way} this machine's.")
    wrong += [f"{what} is from the future, {at:%Y-%m-%d %H:%M:%S} UTC." for what, at in future]
    hint = "Have all machines keep time by NTP (timedatectl set-ntp true)."
    return [Warning(text, hint=hint, id="perfsite.W008") for text in wrong]


@register(Tags.database)
def connection_limit(databases: Databases = None, **_kwargs: Any) -> list[CheckMessage]:
    """W009: who gets no connection answers 503, or works no jobs."""
    connection = connections["default"]
    if connection.vendor != "postgresql" or not _asks_main(databases):
        return []
    try:
        alive = WorkerHeartbeat.objects.alive(timezone.now()).count()
        with connection.cursor() as cursor:
            cursor.execute(LIMIT_OF_CONNECTIONS)
            (limit,) = cursor.fetchone()
    except (DatabaseError, InterfaceError):
        return []
    workers = max(alive, settings.Q_CLUSTER["workers"])
    needed = workers * WORKER_CONNECTIONS + WEB_CONNECTIONS
    needed += settings.WEB_THREADS * WEB_THREAD_CONNECTIONS
    if needed <= limit:
        return []
    wrong = f"PostgreSQL takes {limit} connections, and {workers} workers need up to {needed}."
    hint = "Raise its max_connections; docs/scaling.md says how many are needed in all."
    return [Warning(wrong, hint=hint, id="perfsite.W009")]


def _database_ahead_seconds() -> float:
    """Return by how much; 0 for SQLite, which has this machine's."""
    connection = connections["default"]
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        (told,) = cursor.fetchone()
        return float(told) - (before + time.time()) / 2


def _rows_from_the_future() -> list[tuple[str, Any]]:
    """Return which of what machines write of themselves, and when that is said to have been."""
    latest = timezone.now() + timedelta(seconds=CLOCK_SECONDS)
    beats = WorkerHeartbeat.objects.filter(at__gt=latest).order_by("name")
    found: list[tuple[str, Any]] = [
        (f"The sign of life of the worker {beat.name}", beat.at) for beat in beats
    ]
    starts = SiteStart.objects.filter(at__gt=latest).values("host").annotate(last=Max("at"))
    found += [(f"A start on {start['host']}", start["last"]) for start in starts.order_by("host")]
    return found


def _asks_main(databases: Databases) -> bool:
    return databases is not None and "default" in databases
