"""What is asked of a model and what it answers, as data. Names follow Ollama's API.

https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which model answers: name, digest (bare hexadecimal) and the engine that runs it."""

    name: str
    digest: str
    engine: str


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """A prompt to go on with.

    raw: no chat template around it. top_logprobs: how many candidates of each token to report,
    0 to 20; 0 reports none.
    """

    prompt: str
    raw: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    top_logprobs: int = 0


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A conversation to answer.

    messages: pairs of role (system, user or assistant) and content. format: a JSON schema that
    the answer must follow.
    """

    messages: tuple[tuple[str, str], ...]
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


class LanguageModel(Protocol):
    """What the stages need of a model; each method raises InferenceError."""

    def identity(self) -> ModelIdentity: ...

    def generate(self, request: GenerateRequest) -> Reply: ...

    def chat(self, request: ChatRequest) -> Reply: ...
