"""What is asked of a model and what it answers, as data. Names follow Ollama's API.

https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which model answers: name, digest (bare hexadecimal) and the engine that runs it."""

    name: str
    digest: str
    engine: str


@dataclass(frozen=True, kw_only=True)
class HeldModel:
    """A model that a host has, on its disk or loaded.

    size_bytes: there, or in memory; None where the host does not tell. expires_at: until when it
    stays loaded; None for ever, or where the host does not tell.
    """

    name: str
    size_bytes: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """A prompt to go on with.

    raw: no chat template around it. top_logprobs: how many candidates of each token to report,
    0 to 20; 0 reports none. model: who is asked; None for whoever answers.
    """

    prompt: str
    model: ModelIdentity | None = None
    raw: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    top_logprobs: int = 0


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A conversation to answer.

    messages: pairs of role (system, user or assistant) and content. format: a JSON schema that
    the answer must follow. images: files that go with the last message, for a model that can see.
    model: who is asked; None for whoever answers.
    """

    messages: tuple[tuple[str, str], ...]
    model: ModelIdentity | None = None
    images: tuple[bytes, ...] = ()
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Where a call went, in milliseconds, and its tokens, as the host reports them."""

    total_ms: float
    load_ms: float
    prompt_ms: float
    generation_ms: float
    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A finished answer.

    done_reason: "stop", or "length" when it was cut. candidates: for the first token, each
    candidate's text and log probability; empty when the answer ended at once.
    """

    text: str
    done_reason: str
    timings: Timings
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Call:
    """One question to a host, and how it went. Nothing of what was asked or answered.

    kind: generate or chat. elapsed_ms: from the first attempt until the answer was whole, in
    milliseconds. attempts: 1 and what was tried again. timings: None where there was no answer.
    error: the kind of error; empty when there is none.
    """

    host: str
    model: str
    kind: str
    elapsed_ms: float
    attempts: int
    timings: Timings | None = None
    error: str = ""

    @property
    def queue_ms(self) -> float:
        """What is neither loading, prompt nor generation: waiting for the host, and the way."""
        if self.timings is None:
            return self.elapsed_ms
        spent = self.timings
        at_work = spent.load_ms + spent.prompt_ms + spent.generation_ms
        return max(0.0, self.elapsed_ms - at_work)


class LanguageModel(Protocol):
    """What the stages need of a model; each method raises InferenceError."""

    def identity(self) -> ModelIdentity: ...

    def capabilities(self) -> frozenset[str]: ...

    def generate(self, request: GenerateRequest) -> Reply: ...

    def chat(self, request: ChatRequest) -> Reply: ...
