"""Ollama's generation requests and replies: parsing, checking, shaping. No sockets, no model.

The format is Ollama 0.33's (https://github.com/ollama/ollama/blob/main/docs/api.md), with the
status codes that a real one answered with.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from enrichment.inference.engine import chatml, durations, options
from enrichment.inference.engine.errors import RefusedError
from enrichment.inference.engine.options import Options

MAX_TOP_LOGPROBS = 20

# More items than the context has tokens can't be written, and at a thousand million of them
# llama.cpp's grammar compiler ends the process.
_COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties")
MAX_COUNT = options.CONTEXT_TOKENS

T = TypeVar("T")


class Endpoint(StrEnum):
    """Which of the two generating endpoints was called; they differ in names only."""

    GENERATE = "generate"
    CHAT = "chat"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A checked request. `prompt` is None when it only loads or unloads the model.

    `keep_alive_seconds` counts from the request's end; 0 unloads at once, infinity never.
    `schema` is None for free text. `top_logprobs` is 0 to 20.
    """

    endpoint: Endpoint
    model: str
    prompt: str | None
    stream: bool
    schema: Mapping[str, Any] | None
    options: Options
    keep_alive_seconds: float
    logprobs: bool
    top_logprobs: int


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A bit of the reply; `logprobs` are already in Ollama's shape, empty unless asked for."""

    text: str
    logprobs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a generation went; durations in nanoseconds. The prompt count includes reused tokens."""

    done_reason: str
    prompt_eval_count: int
    prompt_eval_duration: int
    eval_count: int
    eval_duration: int


def parse_body(body: bytes) -> dict[str, Any]:
    """Read a JSON object; 400 for anything else."""
    if not body:
        raise RefusedError(400, "missing request body")
    try:
        parsed = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise RefusedError(400, "the request body is not valid JSON") from exc
    if not isinstance(parsed, dict):
        raise RefusedError(400, "the request body is not a JSON object")
    return parsed


def model_name(body: Mapping[str, Any]) -> str:
    """Say which model is meant; `name` is the older spelling of `model`. Empty when neither is."""
    return _field(body, "model", str, "") or _field(body, "name", str, "")


def parse_request(endpoint: Endpoint, body: Mapping[str, Any]) -> Request:
    """Check a body for /api/generate or /api/chat.

    Raises:
        RefusedError: with the status that Ollama answers with.
    """
    for name in ("think", "tools", "images", "suffix"):
        if body.get(name):
            raise RefusedError(400, f'"{model_name(body)}" does not support {name}')
    top_logprobs = _field(body, "top_logprobs", int, 0)
    if not 0 <= top_logprobs <= MAX_TOP_LOGPROBS:
        raise RefusedError(400, f"top_logprobs must be between 0 and {MAX_TOP_LOGPROBS}")
    return Request(
        endpoint=endpoint,
        model=model_name(body),
        prompt=_chat_prompt(body) if endpoint is Endpoint.CHAT else _generate_prompt(body),
        stream=_field(body, "stream", bool, True),
        schema=_schema(body.get("format")),
        options=options.parse(_field(body, "options", dict, {})),
        keep_alive_seconds=durations.parse_keep_alive(body.get("keep_alive")),
        logprobs=_field(body, "logprobs", bool, False),
        top_logprobs=top_logprobs,
    )


def content_line(request: Request, piece: Piece) -> dict[str, Any]:
    """Shape one streamed bit of the reply."""
    line = _line(request, piece.text, done=False)
    if piece.logprobs:
        line["logprobs"] = list(piece.logprobs)
    return line


def done_line(request: Request, outcome: Outcome, total_ns: int, load_ns: int) -> dict[str, Any]:
    """Shape the line that ends a stream; it never carries text or log probabilities."""
    return {
        **_line(request, "", done=True),
        "done_reason": outcome.done_reason,
        "total_duration": total_ns,
        "load_duration": load_ns,
        "prompt_eval_count": outcome.prompt_eval_count,
        "prompt_eval_duration": outcome.prompt_eval_duration,
        "eval_count": outcome.eval_count,
        "eval_duration": outcome.eval_duration,
    }


def whole_reply(
    request: Request, pieces: Sequence[Piece], done: Mapping[str, Any]
) -> dict[str, Any]:
    """Shape the reply to a request that doesn't stream: the stream's lines in one object."""
    reply = {**done, **_text(request, "".join(piece.text for piece in pieces))}
    if logprobs := [entry for piece in pieces for entry in piece.logprobs]:
        reply["logprobs"] = logprobs
    return reply


def lifetime_reply(request: Request, done_reason: str) -> dict[str, Any]:
    """Shape the reply to a request without a prompt; the reason is load or unload."""
    return {**_line(request, "", done=True), "done_reason": done_reason}


def rfc3339(moment: datetime) -> str:
    """Write a time as Ollama does: UTC, Z at the end."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _line(request: Request, text: str, *, done: bool) -> dict[str, Any]:
    return {
        "model": request.model,
        "created_at": rfc3339(datetime.now(UTC)),
        **_text(request, text),
        "done": done,
    }


def _text(request: Request, text: str) -> dict[str, Any]:
    if request.endpoint is Endpoint.CHAT:
        return {"message": {"role": "assistant", "content": text}}
    return {"response": text}


def _generate_prompt(body: Mapping[str, Any]) -> str | None:
    prompt = _field(body, "prompt", str, "")
    system = _field(body, "system", str, "")
    raw = _field(body, "raw", bool, False)
    if not prompt or raw:
        return prompt or None
    turns = [chatml.Message(role="system", content=system)] if system else []
    return chatml.render([*turns, chatml.Message(role="user", content=prompt)])


def _chat_prompt(body: Mapping[str, Any]) -> str | None:
    turns = [_message(turn) for turn in _field(body, "messages", list, [])]
    return chatml.render(turns) if turns else None


def _message(turn: Any) -> chatml.Message:
    if not isinstance(turn, dict):
        raise RefusedError(400, "each of messages must be an object")
    role = _field(turn, "role", str, "")
    if role not in {"system", "user", "assistant", "tool"}:
        raise RefusedError(400, "a message's role must be system, user, assistant or tool")
    return chatml.Message(role=role, content=_field(turn, "content", str, ""))


def _schema(wanted: Any) -> Mapping[str, Any] | None:
    if wanted is None or wanted == "":
        return None
    if wanted == "json":
        return {"type": "object"}
    if not isinstance(wanted, dict):
        raise RefusedError(
            500, f'invalid format: {json.dumps(wanted)}; expected "json" or a JSON Schema object'
        )
    _check_schema(wanted)
    return wanted


def _check_schema(schema: Any) -> None:
    """Refuse what a real Ollama refuses, and what would make the grammar compiler abort."""
    if isinstance(schema, list):
        for part in schema:
            _check_schema(part)
    elif isinstance(schema, dict):
        for name, part in schema.items():
            anchored = isinstance(part, str) and part.startswith("^") and part.endswith("$")
            if name == "pattern" and isinstance(part, str) and not anchored:
                raise RefusedError(400, "invalid schema: a pattern must start with ^ and end in $")
            if name in _COUNTS and isinstance(part, int | float) and part > MAX_COUNT:
                raise RefusedError(400, f"invalid schema: {name} is larger than {MAX_COUNT}")
            _check_schema(part)


def _field(body: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    value = body.get(name)
    if value is None:
        return default
    # bool is an int in Python, but true is no number in JSON.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RefusedError(400, f"{name} must be of type {kind.__name__}")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
