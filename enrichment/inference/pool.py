"""Several hosts of the same model as one: the least busy that is well is asked.

The answer is kept under the model's digest, so a host that has another model under the same name
is never asked in its place. Of hosts that are equally busy the same one is taken for the same
beginning of a prompt, which it then has in its prompt cache.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Protocol

from tenacity import Retrying

from enrichment.errors import (
    CallAborted,
    CircuitOpen,
    HostFailed,
    InferenceError,
    ModelMissing,
)
from enrichment.inference.exchange import (
    AWAY,
    TROUBLE_SECONDS,
    ClientSettings,
    was_not_accepted,
)
from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity, Reply
from enrichment.inference.ollama import OllamaClient

logger = logging.getLogger(__name__)

Request = GenerateRequest | ChatRequest


class Load(Protocol):
    """How busy each host is, with the work of all processes."""

    def outstanding(self, url: str) -> int: ...

    def asking(self, url: str) -> AbstractContextManager[None]: ...


class NoLoad:
    """Where there is one host alone, nobody has to know how busy it is."""

    def outstanding(self, url: str) -> int:  # noqa: ARG002  # the interface's
        return 0

    def asking(self, url: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()


class OllamaPool:
    """All hosts in use; one object serves all threads of a process."""

    def __init__(
        self, clients: Sequence[OllamaClient], settings: ClientSettings, load: Load | None = None
    ) -> None:
        """
        Args:
            clients: in order of preference, one at least. One alone asks again by itself; of
                several each tries once, and the pool the others.
            load: None for a single host.
        """
        self.clients = tuple(clients)
        self._retrying = Retrying(**settings.retrying)
        self._load = load or NoLoad()
        self._looking = threading.Lock()
        # Until when a host that failed is asked last, by the monotonic clock.
        self._spared_until: dict[str, float] = {}

    def abort(self) -> None:
        """Break off what is being asked anywhere, from another thread."""
        for client in self.clients:
            client.abort()

    def identity(self) -> ModelIdentity:
        """Return which model answers: that of the first host that is well.

        While all are away it is the one that answered last.

        Raises:
            ModelMissing: no host has the model; the message says how to get it.
            InferenceError: none has ever answered, and none does now.
        """
        remembered, failure = None, None
        for client in self.clients:
            try:
                who = self.identity_of(client)
            except InferenceError as exc:
                failure = failure or exc
                continue
            if client.trouble is None:
                return who
            remembered = remembered or who
        if remembered is None:
            assert failure is not None  # noqa: S101  # there is one host at least
            raise failure
        return remembered

    def capabilities(self) -> frozenset[str]:
        """Return what the model can do, as the first host that answers tells it."""
        return self._first_well().capabilities()

    def generate(self, request: GenerateRequest) -> Reply:
        """Return how the model goes on.

        Raises:
            InvalidReply: the host's answer has not the form of Ollama's API.
            InferenceError: there was no answer.
        """
        return self._ask(request)

    def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; raises as `generate` does."""
        return self._ask(request)

    def _ask(self, request: Request) -> Reply:
        if len(self.clients) == 1:
            return self._ask_in_turn(request)
        for attempt in self._retrying:
            with attempt:
                return self._ask_in_turn(request)
        raise AssertionError("tenacity either returns or raises")

    def _ask_in_turn(self, request: Request) -> Reply:
        """Ask the best host; the next one only where a question was surely not accepted."""
        failure: InferenceError | None = None
        for client in self._best_first(request):
            try:
                with self._load.asking(client.base_url):
                    if isinstance(request, GenerateRequest):
                        return client.generate(request)
                    return client.chat(request)
            except InferenceError as exc:
                self._learn_from(client, exc)
                # One that was given up says less than one that was just asked.
                if failure is None or isinstance(failure, CircuitOpen):
                    failure = exc
                if not (was_not_accepted(exc) or isinstance(exc, CircuitOpen | ModelMissing)):
                    raise
        assert failure is not None  # noqa: S101  # there is one host at least
        raise failure

    def _learn_from(self, client: OllamaClient, exc: InferenceError) -> None:
        """Ask a host last for a while; one that lost its model not before it has it again.

        One alone is asked all the same: nobody else could be.
        """
        if len(self.clients) == 1:
            return
        if isinstance(exc, ModelMissing):
            with suppress(InferenceError):
                client.known.excuse(exc)
        elif isinstance(exc, (*AWAY, HostFailed, CircuitOpen)):
            self._spared_until[client.base_url] = time.monotonic() + TROUBLE_SECONDS

    def _best_first(self, request: Request) -> list[OllamaClient]:
        """Return the hosts that may answer, those that are well first, the least busy first.

        Raises:
            InferenceError: there is none.
        """
        fit = [client for client in self.clients if self._may_answer(client, request.model)]
        if not fit:
            # Tells what is wrong with the hosts, if anything is.
            self._first_well().identity()
            raise ModelMissing("the model that was asked for is not there any more")
        if len(fit) == 1:
            return fit
        prefix, now = _prefix(request), time.monotonic()
        return sorted(
            fit,
            key=lambda client: (
                client.trouble is not None,
                self._spared_until.get(client.base_url, now) > now,
                self._load.outstanding(client.base_url),
                _rank(prefix, client.base_url),
            ),
        )

    def _may_answer(self, client: OllamaClient, wanted: ModelIdentity | None) -> bool:
        try:
            who = self.identity_of(client)
        except InferenceError:
            return False
        return wanted is None or who == wanted

    def _first_well(self) -> OllamaClient:
        well = (client for client in self.clients if client.trouble is None)
        return next(well, self.clients[0])

    def identity_of(self, client: OllamaClient) -> ModelIdentity:
        """Return who answers at a host, or did so last.

        Whether one that was away is back is looked at in the background, so that nobody waits.

        Raises:
            InferenceError: nobody has answered there yet, or its model is gone.
        """
        known = client.known
        trouble, identity = known.trouble, known.identity
        if trouble is None or len(self.clients) == 1:
            return client.identity()
        if known.is_due and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look_at, args=(client,), daemon=True).start()
        if identity is None:
            raise trouble.with_traceback(None)
        return identity

    def _look_at(self, client: OllamaClient) -> None:
        """Ask a host that was away whether it is back."""
        try:
            client.identity()
        except (InferenceError, CallAborted) as exc:
            logger.debug("[PERF] %s", exc)
        finally:
            self._looking.release()


def _prefix(request: Request) -> str:
    """Return the beginning that a question shares with its likes.

    What differs comes last: the last line of a prompt, the last message of a conversation.
    """
    if isinstance(request, GenerateRequest):
        return request.prompt.rpartition("\n")[0] or request.prompt
    return "\0".join(text for _, text in request.messages[:-1])


def _rank(prefix: str, url: str) -> bytes:
    """Return a host's place for a prefix, the same in all processes (rendezvous hashing)."""
    return hashlib.sha256(f"{prefix}\0{url}".encode("utf-8", "replace")).digest()
