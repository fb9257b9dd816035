"""Runs the whole site: web, worker and, where no Ollama answers, the embedded model."""

import errno
import logging
import os
import secrets
import shutil
import socket
import sys
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from cachestats.errors import StoreUnavailable
from cachestats.repair import make_usable
from enrichment import hosts
from perfsite import logs
from perfsite.supervisor import Child, Supervisor

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# Threads keep their database connections; the longest idle time that granian accepts.
IDLE_THREAD_SECONDS = "600"
ENGINE_LOAD_SECONDS = 120.0
# Twice the cores and one, as granian advises for Python that mostly waits.
THREADS = 2 * (os.cpu_count() or 1) + 1
DEVELOPMENT_USER = "dev"
# The number of PostgreSQL's lock; any that nobody else uses in this database.
MIGRATING = 7_377_001


class Command(BaseCommand):
    """manage.py serve"""

    help = "Run web, worker and, if no Ollama answers, the embedded model, until Ctrl-C."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=LOOPBACK, help="the address that others reach it at")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=settings.WORKERS, help="of the queue")
        parser.add_argument("--threads", type=int, default=THREADS, help="of the web server")
        parser.add_argument("--no-worker", action="store_true", help="start no worker")
        parser.add_argument("--no-engine", action="store_true", help="never start the engine")

    def handle(self, *_args: Any, **options: Any) -> None:
        host: str = options["host"]
        port: int = options["port"]
        _require_free(host, port)
        for name in ("workers", "threads"):
            if options[name] < 1:
                raise CommandError(f"--{name} must be 1 or more.", returncode=2)
        self._migrate()
        login = _development_login()
        supervisor = Supervisor(partial(self._say, level=logging.WARNING))
        watch = EngineWatch(self._say)
        try:
            if not options["no_engine"] and self._needs_engine():
                watch.expect()
                supervisor.add(_engine())
            supervisor.add(_web(host, port, options["threads"]))
            if not options["no_worker"]:
                supervisor.add(_worker(options["workers"]))
            self._welcome(host, port, login)
            supervisor.run(each_tick=watch.look)
        except KeyboardInterrupt:
            # Before the supervisor listens to it itself.
            self._say("")
        finally:
            supervisor.end()
            watch.forget()
        self._say("Stopped.")

    def _say(self, message: str, level: int = logging.INFO) -> None:
        """Tell people; or, where a collector reads lines of JSON, write one into the log."""
        if settings.LOG_FORMAT == logs.JSON:
            if words := " ".join(message.split()):
                logger.log(level, words)
            return
        self.stdout.write(message)
        self.stdout.flush()

    def _migrate(self) -> None:
        self._say("Preparing the database ...")
        _migrate_in_turn("default")
        cache = connections["cache"]
        try:
            if cache.vendor == "sqlite":
                make_usable(Path(cache.settings_dict["NAME"]))
            else:
                _migrate_in_turn("cache")
        except (StoreUnavailable, DatabaseError) as exc:
            self._say(f"The cache's database can't be used, so nothing is cached: {exc}")
        # Children open their own; a connection must not be shared with them.
        connections.close_all()

    def _needs_engine(self) -> bool:
        """Return whether to start the embedded model, and say why not."""
        # A serve that was killed could not take its marks back.
        settings.ENGINE_URL_FILE.unlink(missing_ok=True)
        settings.ENGINE_STARTING_FILE.unlink(missing_ok=True)
        if settings.OLLAMA_HOST:
            return False
        if hosts.ollama_answers():
            return False
        if missing := hosts.engine_missing():
            self._say(f"{missing} Reflections get marked fallbacks until an Ollama answers.")
            return False
        return True

    def _welcome(self, host: str, port: int, login: str) -> None:
        self._say(f"\n  Perfsite   http://{host}:{port}/")
        if login:
            self._say(f"  Login      {login}")
        health = hosts.health()
        if hosts.engine_is_starting():
            self._say("  Model      the embedded model is loading ...")
        elif health.ok:
            self._say(f"  Model      {health.model} at {health.url}")
        else:
            self._say(f"  Model      none yet: {health.trouble}")
        self._say("  Stop       Ctrl-C\n")


class EngineWatch:
    """Says when the engine that was started is ready; until then jobs wait for it."""

    def __init__(self, say: Any) -> None:
        self._say = say
        self._since: float | None = None

    def expect(self) -> None:
        """Mark the engine as starting, for every process to see."""
        settings.ENGINE_STARTING_FILE.touch()
        self._since = time.monotonic()

    def look(self) -> None:
        """Look whether the engine is loaded by now."""
        if self._since is None:
            return
        waited = time.monotonic() - self._since
        if hosts.engine_is_loaded():
            # Whoever asked before it listened remembers that nobody answered.
            hosts.forget_client()
            self._say(f"The embedded model is loaded ({waited:.1f} s): {hosts.health().model}")
            self._say("It is a small wiring default, not a good analyst; see the README.")
        elif waited > ENGINE_LOAD_SECONDS:
            self._say("The embedded model does not load; reflections get marked fallbacks.")
        else:
            return
        self.forget()

    def forget(self) -> None:
        """Take the mark back."""
        settings.ENGINE_STARTING_FILE.unlink(missing_ok=True)
        self._since = None


def _migrate_in_turn(database: str) -> None:
    """Apply migrations; several machines that start at once wait for each other."""
    connection = connections[database]
    if connection.vendor != "postgresql":
        call_command("migrate", database=database, verbosity=0, interactive=False)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        try:
            call_command("migrate", database=database, verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def _engine() -> Child:
    url_file = str(settings.ENGINE_URL_FILE)
    # One core is left to web and worker: threads that wait for a busy core slow all others down,
    # here from 1 s to more than 60 s for the same text.
    threads = str(max(1, (psutil.cpu_count(logical=False) or 1) - 1))
    argv = _manage("serve_model", "--port", "0", "--threads", threads, "--url-file", url_file)
    return Child("embedded model", argv, settings.BASE_DIR)


def _web(host: str, port: int, threads: int) -> Child:
    granian = shutil.which("granian", path=str(Path(sys.executable).parent)) or "granian"
    argv = [granian, "--interface", "wsgi", "--host", host, "--port", str(port), "--no-ws"]
    argv += ["--blocking-threads", str(threads), "--log-level", "warning"]
    argv += ["--blocking-threads-idle-timeout", IDLE_THREAD_SECONDS, "perfsite.wsgi:application"]
    env = {"WEB_THREADS": str(threads)}
    return Child("web server", argv, settings.BASE_DIR, env)


def _worker(workers: int) -> Child:
    env = {"QCLUSTER_WORKERS": str(workers)}
    return Child("worker", _manage("qcluster", "--skip-checks"), settings.BASE_DIR, env)


def _in_use(host: str, port: int) -> bool:
    """Return whether something listens there.

    Raises:
        CommandError: it is no address of this machine.
    """
    try:
        [family, *_], *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise CommandError(f"--host {host} is no address: {exc.strerror}.", returncode=2) from exc
    with socket.socket(family) as probe:
        # As servers do: a port that only waits out its last connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                raise CommandError(
                    f"--host {host} is no address of this machine; 0.0.0.0 is all of them.",
                    returncode=2,
                ) from exc
            return True
    return False


def _require_free(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise CommandError(f"--port must be 1 to 65535, not {port}.", returncode=2)
    if _in_use(host, port):
        raise CommandError(
            f"Port {port} is in use. Stop what uses it, or choose another: make run PORT={port + 1}"
        )


def _development_login() -> str:
    """Make a login on the first start in development; return it, or "" in production."""
    if not settings.DEBUG:
        return ""
    path = settings.VAR_DIR / "dev_password"
    users = get_user_model()
    user = users.objects.filter(username=DEVELOPMENT_USER).first()
    if user is None:
        password = secrets.token_urlsafe(12)
        path.write_text(password)
        users.objects.create_superuser(DEVELOPMENT_USER, password=password)
    elif path.exists() and user.check_password(path.read_text()):
        password = path.read_text()
    else:
        return f"{DEVELOPMENT_USER}, with the password that you gave it"
    return f"{DEVELOPMENT_USER}   {password}   (kept in {path})"
