"""A scripted model and a cache in a dict, for the stages' unit tests; no socket, no database."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cachestats.keys import Key, make_key
from enrichment.errors import (
    CircuitOpen,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InvalidReply,
    ModelCannotSee,
    ModelMissing,
    QuestionRefused,
)
from enrichment.inference.messages import (
    ChatRequest,
    GenerateRequest,
    ModelIdentity,
    Reply,
    Timings,
)
from enrichment.stages import wheel
from enrichment.stages.blending import Weights
from enrichment.stages.prompts import Method

WEIGHTS = Weights(
    model=0.8,
    lexicon=1.4,
    polarity=0.5,
    leans=dict.fromkeys(wheel.PRIMARIES, 0.0),
    slope=1.0,
    offset=0.0,
)
ASKING = {
    "num_ctx": 4096,
    "num_predict": 120,
    "method": Method.LIKELIHOOD,
    "weights": WEIGHTS,
}
"""How a scorer asks and blends, where a test does not care."""
IDENTITY = ModelIdentity(name="scripted:1b", digest="ab" * 32, engine="ollama")
TTL_SECONDS = 60
OUTAGES = [
    HostUnreachable("away"),
    HostBusy("busy"),
    HostBrokeOff("off"),
    HostFailed("500"),
    CircuitOpen("given up"),
    ModelMissing("none"),
]
BROKEN = [InvalidReply("odd", raw="what it wrote"), QuestionRefused("400"), ModelCannotSee("blind")]

Candidates = tuple[tuple[str, float], ...]


def reply(text: str = "", candidates: Candidates = ()) -> Reply:
    """Return a finished reply."""
    timings = Timings(
        total_ms=5.0,
        load_ms=0.0,
        prompt_ms=2.0,
        generation_ms=3.0,
        prompt_tokens=20,
        generated_tokens=7,
    )
    return Reply(text=text, done_reason="stop", timings=timings, candidates=candidates)


def feeling(**shares: float) -> Candidates:
    """Return candidates as a host reports them: a leading blank, log probabilities."""
    return tuple((f" {word}", logprob) for word, logprob in shares.items())


@dataclass
class ScriptedModel:
    """Answers in turn what it is given; an exception is raised. It keeps what it was asked.

    The last of the candidates and the last of the texts are repeated for ever.
    """

    candidates: tuple[Candidates | Exception, ...] = ((),)
    texts: tuple[str | Exception, ...] = ("",)
    who: ModelIdentity | Exception = IDENTITY
    able: frozenset[str] | Exception = frozenset({"completion"})
    generated: list[GenerateRequest] = field(default_factory=list)
    chatted: list[ChatRequest] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many questions were put to it."""
        return len(self.generated) + len(self.chatted)

    def identity(self) -> ModelIdentity:
        if isinstance(self.who, Exception):
            raise self.who
        return self.who

    def capabilities(self) -> frozenset[str]:
        if isinstance(self.able, Exception):
            raise self.able
        return self.able

    def generate(self, request: GenerateRequest) -> Reply:
        self.generated.append(request)
        return reply(candidates=_in_turn(self.candidates, len(self.generated)))

    def chat(self, request: ChatRequest) -> Reply:
        self.chatted.append(request)
        return reply(text=_in_turn(self.texts, len(self.chatted)))


def _in_turn(script: tuple[Any, ...], number: int) -> Any:
    step = script[min(number, len(script)) - 1]
    if isinstance(step, Exception):
        raise step
    return step


@dataclass(frozen=True, kw_only=True)
class Found:
    """A look-up's answer."""

    value: Any
    state: str
    key: Key
    stored: bool
    age_seconds: int
    ttl_seconds: int
    cost_ms: float | None = None
    reason: str = ""


@dataclass
class DictCache:
    """Keeps copies by the site's real keys, and the material that each look-up was made of."""

    entries: dict[str, Any] = field(default_factory=dict)
    looked_up: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=list)

    def get_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,
        ttl: int | None = None,
        cache_type: str = "default",
    ) -> Found:
        found = self.peek(content, params, cache_type)
        if found is not None:
            return found
        key = make_key(b"pepper", content, params, cache_type)
        value = compute()
        self.entries[key.hex] = copy.deepcopy(value)
        return Found(
            value=value, state="miss", key=key, stored=True, age_seconds=0, ttl_seconds=TTL_SECONDS
        )

    def key(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Key:
        return make_key(b"pepper", content, params, cache_type)

    def peek(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Found | None:
        key = make_key(b"pepper", content, params, cache_type)
        self.looked_up.append((content, params or {}))
        if key.hex not in self.entries:
            return None
        value = copy.deepcopy(self.entries[key.hex])
        return Found(
            value=value, state="hit", key=key, stored=True, age_seconds=5, ttl_seconds=TTL_SECONDS
        )


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON-like value, names included."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, item in value.items():
                yield from strings(name)
                yield from strings(item)
        case list() | tuple():
            for item in value:
                yield from strings(item)
