"""Which Ollamas answer: from the settings, on the machine, or the embedded engine.

OLLAMA_HOST set: that host or those hosts, and never another in their place. Unset: the one at
127.0.0.1:11434 if there is one, else the embedded engine, whose URL `serve` writes under VAR_DIR.
"""

import os
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import psutil
from django.conf import settings

from cachestats.config import Config, current
from enrichment import calls
from enrichment.breaker import Breaker
from enrichment.errors import InferenceError
from enrichment.host_load import HostLoad
from enrichment.inference.addresses import normalise_host
from enrichment.inference.engine import availability
from enrichment.inference.engine.connection import EMBEDDED
from enrichment.inference.exchange import ClientSettings
from enrichment.inference.messages import ModelIdentity
from enrichment.inference.ollama import OllamaClient
from enrichment.inference.pool import OllamaPool

DEFAULT_HOST = "127.0.0.1:11434"
LOOK_AGAIN_SECONDS = 5.0
ENGINE_WAIT_SECONDS = 120.0


def find_hosts() -> tuple[str, ...]:
    """Return the base URLs of the hosts to ask, in order; they need not be alive."""
    if settings.OLLAMA_HOST:
        return tuple(settings.OLLAMA_HOST.split(","))
    try:
        engine_url = settings.ENGINE_URL_FILE.read_text().strip()
    except OSError:
        engine_url = ""
    return (engine_url or normalise_host(DEFAULT_HOST),)


def client_settings(config: Config) -> ClientSettings:
    """Return how the tuning in force has a host spoken to."""
    inference, networking = config.inference, config.networking
    return ClientSettings(
        timeout_connect=networking.timeout_connect,
        timeout_read=networking.timeout_read,
        retry_attempts=networking.retry_attempts,
        retry_backoff_ms=networking.retry_backoff_ms,
        max_connections=min(networking.max_concurrent_requests, networking.per_host_limit),
        keep_alive=inference.keep_alive,
        # One thread per physical core: one too many can be many times slower.
        num_thread=inference.num_threads or _physical_cores(),
        num_ctx=inference.num_ctx,
        num_batch=inference.num_batch,
    )


@cache
def _physical_cores() -> int:
    """Return how many there are; counting them reads dozens of files, and each request asks."""
    return psutil.cpu_count(logical=False) or 1


class _Shared:
    """This process's pool, made anew when hosts or tuning change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: OllamaPool | None = None
        # Former ones live on in calls that still use them.
        self._pools: weakref.WeakSet[OllamaPool] = weakref.WeakSet()
        self._made_for: tuple[tuple[str, ...], ClientSettings] | None = None
        self._hosts: tuple[str, ...] = ()
        self._looked_at = 0.0

    def get(self) -> OllamaPool:
        with self._lock:
            if not self._hosts or time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
                self._hosts, self._looked_at = find_hosts(), time.monotonic()
            wanted = (self._hosts, client_settings(current().config))
            if self._pool is None or self._made_for != wanted:
                self._pool = make_pool(*wanted)
                self._pools.add(self._pool)
                self._made_for = wanted
            return self._pool

    def abort(self) -> None:
        for pool in tuple(self._pools):
            pool.abort()


def make_pool(urls: Sequence[str], how: ClientSettings) -> OllamaPool:
    """Return clients of their own for these hosts, as one."""
    if len(urls) == 1:
        return OllamaPool([make_client(urls[0], how)], how)
    once = replace(how, retry_attempts=0)
    return OllamaPool([make_client(url, once) for url in urls], how, _load())


def make_client(url: str, how: ClientSettings) -> OllamaClient:
    """Return a client of its own for a host."""
    return OllamaClient(
        url,
        how,
        model=settings.OLLAMA_MODEL,
        guard=_breaker(url, how).asking,
        observer=calls.record,
    )


def _breaker(url: str, how: ClientSettings) -> Breaker:
    return Breaker(url, longest=timedelta(seconds=how.timeout_connect + how.timeout_read))


@cache
def _load() -> HostLoad:
    return HostLoad(settings.VAR_DIR / "hosts.lock")


def outstanding(url: str) -> int | None:
    """Return how many questions this machine has at a host now; None where one alone is in use,
    which is asked whatever there is.
    """
    return _load().outstanding(url) if len(find_hosts()) > 1 else None


_shared = _Shared()


def forget_client() -> None:
    """Make the next call look for the hosts again, on new connections."""
    global _shared  # noqa: PLW0603
    _shared = _Shared()


def _in_child() -> None:
    # A forked child leaves the parent's connections and questions to the parent.
    forget_client()
    _load.cache_clear()


os.register_at_fork(after_in_child=_in_child)


def abort() -> None:
    """Break off what this process is asking the model."""
    _shared.abort()


def client_of(url: str) -> OllamaClient | None:
    """Return this process's client of one host; None when it is not in use."""
    return next((client for client in get_client().clients if client.base_url == url), None)


def get_client() -> OllamaPool:
    """Return this process's client of the hosts in use."""
    return _shared.get()


@dataclass(frozen=True, kw_only=True)
class HostHealth:
    """One host: which model answers there, and in plain words what is missing if none does."""

    url: str
    engine: str
    model: str
    trouble: str

    @property
    def ok(self) -> bool:
        return not self.trouble


@dataclass(frozen=True, kw_only=True)
class ModelHealth:
    """Whether a model answers at any of the hosts, and in plain words what is wrong."""

    hosts: tuple[HostHealth, ...]

    @property
    def ok(self) -> bool:
        """Whether a question would be answered."""
        return any(host.ok for host in self.hosts)

    @property
    def first(self) -> HostHealth:
        """The first host that is well; where none is, the first."""
        return next((host for host in self.hosts if host.ok), self.hosts[0])

    @property
    def url(self) -> str:
        return ", ".join(host.url for host in self.hosts)

    @property
    def engine(self) -> str:
        return self.first.engine

    @property
    def model(self) -> str:
        return self.first.model

    @property
    def trouble(self) -> str:
        """What is wrong, with all or with some; empty when nothing is."""
        return "; ".join(host.trouble for host in self.hosts if host.trouble)


def health() -> ModelHealth:
    """Return which model answers now, or in plain words why none does."""
    pool = get_client()
    try:
        asked = pool.identity()
    except InferenceError:
        asked = None
    return ModelHealth(hosts=tuple(_look_at(pool, client, asked) for client in pool.clients))


def _look_at(pool: OllamaPool, client: OllamaClient, asked: ModelIdentity | None) -> HostHealth:
    """Return how one host is; asked: the model whose answers are wanted."""
    url = client.base_url
    try:
        who = pool.identity_of(client)
    except InferenceError as exc:
        model = settings.OLLAMA_MODEL
        return HostHealth(url=url, engine="", model=model, trouble=str(exc))
    return HostHealth(
        url=url,
        engine=who.engine,
        model=who.name,
        trouble=str(client.trouble or "") or _circuit(url).trouble or _differs(url, who, asked),
    )


def _differs(url: str, who: ModelIdentity, asked: ModelIdentity | None) -> str:
    """Say why a host that is well is not asked: its answers would be filed under another model."""
    if who == asked or asked is None:
        return ""
    if who.name != asked.name:
        return f"{url} answers with {who.name}, not {asked.name}: set OLLAMA_MODEL"
    return (
        f"{url} has another {who.name} than the host before it, so it is not asked:"
        f" ollama pull {who.name} on both"
    )


def is_given_up(url: str) -> bool:
    """Return whether a host failed so often of late that it is not asked for now."""
    return bool(_circuit(url).trouble)


def _circuit(url: str) -> Breaker:
    return _breaker(url, client_settings(current().config))


def engine_is_starting() -> bool:
    """Return whether the engine that `serve` started is still loading its model."""
    return bool(settings.ENGINE_STARTING_FILE.exists())


def ollama_answers() -> bool:
    """Return whether an Ollama answers at its usual place on this machine.

    The embedded model of another site is none: it ends with that site.
    """
    try:
        with make_client(normalise_host(DEFAULT_HOST), client_settings(current().config)) as client:
            return not client.version().endswith(EMBEDDED)
    except InferenceError:
        return False


def engine_missing() -> str | None:
    """Say in one sentence why the embedded engine can't run here; None when it can."""
    return availability.missing()


def engine_is_loaded() -> bool:
    """Return whether the engine that `serve` started has its model in memory."""
    if not settings.ENGINE_URL_FILE.exists():
        return False
    try:
        with make_client(find_hosts()[0], client_settings(current().config)) as client:
            return bool(client.loaded_models())
    except InferenceError:
        return False


def wait_for_engine() -> None:
    """Wait while the engine that `serve` started is loading, rather than do without a model."""
    if not engine_is_starting():
        return
    deadline = time.monotonic() + ENGINE_WAIT_SECONDS
    while engine_is_starting() and time.monotonic() < deadline:
        time.sleep(0.2)
    # A client that asked too early remembers for a while that nobody answered.
    forget_client()
