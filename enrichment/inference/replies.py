"""Puts a streamed answer together: lines of JSON in the form of Ollama's API become one reply.

https://github.com/ollama/ollama/blob/main/docs/api.md#streaming-responses
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from enrichment.errors import InvalidReply
from enrichment.inference.messages import Reply, Timings

NANOSECONDS_PER_MS = 1e6
# By how much the logarithm of a probability may exceed 0.
ROUNDING = 1e-3
# Of an answer that is kept for diagnosis.
RAW_CHARACTERS = 10_000


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body as they are complete, but for empty ones.

    Only a line feed ends one: what else counts as the end of a line may stand in a text.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from filter(None, whole)
    if rest:
        yield rest


def join(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the lines of an answer, one or more, in one object.

    Text is put together; the first line's log probabilities stand for all, because only those of
    the first token are looked at; the rest is as in the last line.
    """
    first, *others = lines
    joined = dict(first)
    for line in others:
        before, joined = joined, dict(line)
        if "response" in before:
            joined["response"] = _added(before["response"], line.get("response", ""))
        if isinstance(message := before.get("message"), dict):
            now = line.get("message")
            more = now.get("content", "") if isinstance(now, dict) else ""
            joined["message"] = {**message, "content": _added(message.get("content"), more)}
        if before.get("logprobs"):
            joined["logprobs"] = before["logprobs"]
    return joined


def _added(text: Any, more: Any) -> Any:
    """Return both texts as one; what is none stays visible and fails the reply."""
    return text + more if isinstance(text, str) and isinstance(more, str) else None


def read_reply(content: dict[str, Any], text: Any) -> Reply:
    """Return an answer's reply.

    Args:
        text: what the model wrote, wherever the answer has it.

    Raises:
        InvalidReply: the answer is not whole, or has not the form of Ollama's API.
    """
    if not isinstance(text, str) or content.get("done") is not True:
        raise _invalid("the host's answer is not whole", content)
    try:
        return Reply(
            text=text,
            done_reason=str(content.get("done_reason", "stop")),
            timings=Timings(
                total_ms=_ms(content, "total_duration"),
                load_ms=_ms(content, "load_duration"),
                prompt_ms=_ms(content, "prompt_eval_duration"),
                generation_ms=_ms(content, "eval_duration"),
                prompt_tokens=int(content.get("prompt_eval_count", 0)),
                generated_tokens=int(content.get("eval_count", 0)),
            ),
            candidates=_candidates(content),
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise _invalid("the host's answer has not the form of Ollama's API", content) from exc


def _invalid(why: str, content: dict[str, Any]) -> InvalidReply:
    return InvalidReply(why, raw=str(content)[:RAW_CHARACTERS])


def _ms(content: dict[str, Any], name: str) -> float:
    return int(content.get(name, 0)) / NANOSECONDS_PER_MS


def _candidates(content: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the first token's candidates; Ollama sends none when the answer ends at once."""
    first, *_ = content.get("logprobs") or [{}]
    candidates = tuple(
        (str(candidate.get("token", "")), float(candidate["logprob"]))
        for candidate in first.get("top_logprobs") or []
    )
    if not all(logprob <= ROUNDING for _, logprob in candidates):
        raise ValueError("no probability")
    return candidates
