"""Which Ollama answers: from the settings, on the machine, or the embedded engine.

OLLAMA_HOST set: that host, and never another in its place. Unset: the one at 127.0.0.1:11434 if
there is one, else the embedded engine, whose URL `serve` writes under VAR_DIR.
"""

import os
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

import psutil
from django.conf import settings

from cachestats.config import Config, current
from enrichment.breaker import Breaker
from enrichment.errors import InferenceError
from enrichment.inference.engine import availability
from enrichment.inference.ollama import ClientSettings, OllamaClient, normalise_host

DEFAULT_HOST = "127.0.0.1:11434"
LOOK_AGAIN_SECONDS = 5.0
ENGINE_WAIT_SECONDS = 120.0


def find_host() -> str:
    """Return the base URL of the host to ask; it need not be alive."""
    if settings.OLLAMA_HOST:
        return str(settings.OLLAMA_HOST)
    try:
        engine_url = settings.ENGINE_URL_FILE.read_text().strip()
    except OSError:
        engine_url = ""
    return engine_url or normalise_host(DEFAULT_HOST)


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
        num_thread=inference.num_threads or psutil.cpu_count(logical=False) or 1,
        num_ctx=inference.num_ctx,
        num_batch=inference.num_batch,
    )


class _Shared:
    """This process's client, made anew when host or tuning change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: OllamaClient | None = None
        self._made_for: tuple[str, ClientSettings] | None = None
        self._host: str | None = None
        self._looked_at = 0.0

    def get(self) -> OllamaClient:
        with self._lock:
            if self._host is None or time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
                self._host, self._looked_at = find_host(), time.monotonic()
            wanted = (self._host, client_settings(current().config))
            if self._client is None or self._made_for != wanted:
                # The former client is left to calls that still use it.
                self._client = make_client(*wanted)
                self._made_for = wanted
            return self._client

    def abort(self) -> None:
        if client := self._client:
            client.abort()


def make_client(url: str, how: ClientSettings) -> OllamaClient:
    """Return a client of its own for a host."""
    return OllamaClient(url, how, model=settings.OLLAMA_MODEL, guard=_breaker(url, how).asking)


def _breaker(url: str, how: ClientSettings) -> Breaker:
    return Breaker(url, longest=timedelta(seconds=how.timeout_connect + how.timeout_read))


_shared = _Shared()


def forget_client() -> None:
    """Make the next call look for the host again, on new connections."""
    global _shared  # noqa: PLW0603
    _shared = _Shared()


# A forked child leaves the parent's connections to the parent.
os.register_at_fork(after_in_child=forget_client)


def abort() -> None:
    """Break off what this process is asking the model."""
    _shared.abort()


def get_client() -> OllamaClient:
    """Return this process's client of the host in use."""
    return _shared.get()


@dataclass(frozen=True, kw_only=True)
class ModelHealth:
    """Whether a model answers, and in plain words what is missing if none does."""

    url: str
    engine: str
    model: str
    trouble: str

    @property
    def ok(self) -> bool:
        return not self.trouble


def health() -> ModelHealth:
    """Return which model answers now, or in plain words why none does."""
    client = get_client()
    try:
        who = client.identity()
    except InferenceError as exc:
        model = settings.OLLAMA_MODEL
        return ModelHealth(url=client.base_url, engine="", model=model, trouble=str(exc))
    trouble = str(client.trouble or "") or _circuit().trouble
    return ModelHealth(url=client.base_url, engine=who.engine, model=who.name, trouble=trouble)


def is_given_up() -> bool:
    """Return whether the host failed so often of late that it is not asked for now."""
    return bool(_circuit().trouble)


def _circuit() -> Breaker:
    """Return the circuit of the host in use."""
    return _breaker(get_client().base_url, client_settings(current().config))


def engine_is_starting() -> bool:
    """Return whether the engine that `serve` started is still loading its model."""
    return bool(settings.ENGINE_STARTING_FILE.exists())


def ollama_answers() -> bool:
    """Return whether an Ollama answers at its usual place on this machine."""
    try:
        with make_client(normalise_host(DEFAULT_HOST), client_settings(current().config)) as client:
            client.version()
    except InferenceError:
        return False
    return True


def engine_missing() -> str | None:
    """Say in one sentence why the embedded engine can't run here; None when it can."""
    return availability.missing()


def engine_is_loaded() -> bool:
    """Return whether the engine that `serve` started has its model in memory."""
    if not settings.ENGINE_URL_FILE.exists():
        return False
    try:
        with make_client(find_host(), client_settings(current().config)) as client:
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
