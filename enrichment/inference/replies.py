"""Puts a streamed answer together: lines of JSON in the form of Ollama's API become one reply.

https://github.com/ollama/ollama/blob/main/docs/api.md#streaming-responses
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from enrichment.errors import InvalidReply
from enrichment.inference.messages import HeldModel, Reply, Timings

NANOSECONDS_PER_MS = 1e6
# By how much the logarithm of a probability may exceed 0.
ROUNDING = 1e-3
# The year from which on a model stays loaded for ever, as Ollama writes it.
FOR_EVER = 2200
# Of an answer that is kept for diagnosis.
RAW_CHARACTERS = 10_000


class StreamedAnswer:
    """An answer in lines of JSON, taken in as it comes.

    Only a line feed ends a line: what else counts as the end of one may stand in a text.
    """

    def __init__(self, read: Callable[[bytes], dict[str, Any]], *, is_json: bool) -> None:
        """
        Args:
            read: returns a line's content, or raises what it says.
            is_json: the text is to be a JSON value; what comes after its end is of no use.
        """
        self._read = read
        self._end = JsonEnd() if is_json else None
        self._rest = b""
        self._lines: list[dict[str, Any]] = []
        self._started = time.perf_counter_ns()
        self._first_at = 0
        self._stopped = False

    def take(self, chunk: bytes) -> bool:
        """Take in what came; return whether to listen no further.

        That is when the JSON value has ended and the model goes on regardless. One that ends with
        its value is heard out: its last line tells where the time went, and the connection can be
        used again.
        """
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in filter(None, whole):
            self._take_line(line)
            if self._stopped:
                break
        return self._stopped

    def content(self) -> dict[str, Any] | None:
        """Return the answer in one object, as a host that does not stream would tell it.

        None when nothing came.
        """
        if self._rest and not self._stopped:
            self._take_line(self._rest)
        if not self._lines:
            return None
        joined = join(self._lines)
        return {**joined, **self._own_account()} if self._stopped else joined

    def _take_line(self, line: bytes) -> None:
        content = self._read(line)
        self._first_at = self._first_at or time.perf_counter_ns()
        if self._end is not None and content.get("done") is not True:
            if self._end.reached:
                self._stopped = True
                return
            self._end.feed(text_of(content) or "")
        self._lines.append(content)

    def _own_account(self) -> dict[str, Any]:
        """Return what the last line would tell, as far as it could be seen from here.

        The way to the first token may hold waiting and loading; a line is a token.
        """
        now = time.perf_counter_ns()
        return {
            "done": True,
            "done_reason": "stop",
            "total_duration": now - self._started,
            "prompt_eval_duration": self._first_at - self._started,
            "eval_count": len(self._lines),
            "eval_duration": now - self._first_at,
        }


class JsonEnd:
    """Finds where a JSON object or array ends, in text that comes piece by piece."""

    def __init__(self) -> None:
        self.reached = False
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._none = False

    def feed(self, text: str) -> None:
        """Look at the next piece; `reached` is True from the piece on that holds the end."""
        for character in text:
            if self.reached or self._none:
                return
            self._look(character)

    def _look(self, character: str) -> None:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self._in_string = False
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
            self.reached = self._depth == 0
            self._none = self._depth < 0
        elif self._depth == 0:
            # Something else than an object or array begins: no end of it is known.
            self._none = not character.isspace()
        else:
            self._in_string = character == '"'


def text_of(content: Mapping[str, Any]) -> str | None:
    """Return the text of a line of /api/generate or /api/chat; None where there is none."""
    message = content.get("message")
    text = message.get("content") if isinstance(message, dict) else content.get("response")
    return text if isinstance(text, str) else None


def join(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the lines of an answer, one or more, in one object.

    Text is put together; the first line's log probabilities stand for all, because only those of
    the first token are looked at; the rest is as in the last line.
    """
    if len(lines) == 1:
        return dict(lines[0])
    joined = dict(lines[-1])
    if "response" in lines[0]:
        joined["response"] = _together(line.get("response", "") for line in lines)
    if isinstance(message := lines[0].get("message"), dict):
        messages = (line.get("message") for line in lines)
        joined["message"] = {
            **message,
            "content": _together(
                said.get("content", "") if isinstance(said, dict) else "" for said in messages
            ),
        }
    if logprobs := next((line["logprobs"] for line in lines if line.get("logprobs")), None):
        joined["logprobs"] = logprobs
    return joined


def _together(texts: Iterable[Any]) -> str | None:
    """Return the texts as one; None, which fails the reply, where one of them is none."""
    try:
        return "".join(texts)
    except TypeError:
        return None


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
                prompt_tokens=_count(content, "prompt_eval_count"),
                generated_tokens=_count(content, "eval_count"),
            ),
            candidates=_candidates(content),
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise _invalid("the host's answer has not the form of Ollama's API", content) from exc


def _invalid(why: str, content: dict[str, Any]) -> InvalidReply:
    return InvalidReply(why, raw=str(content)[:RAW_CHARACTERS])


def _ms(content: dict[str, Any], name: str) -> float:
    return _count(content, name) / NANOSECONDS_PER_MS


def _count(content: dict[str, Any], name: str) -> int:
    count = int(content.get(name, 0))
    if count < 0:
        raise ValueError("less than nothing")
    return count


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


def read_held(entry: Mapping[str, Any]) -> HeldModel:
    """Return one model of a host's list, which has a name at least."""
    size, until = entry.get("size"), entry.get("expires_at")
    try:
        expires_at = datetime.fromisoformat(until) if isinstance(until, str) else None
    except ValueError:
        expires_at = None
    # Ollama says so for what stays for ever.
    if expires_at and (expires_at.tzinfo is None or expires_at.year >= FOR_EVER):
        expires_at = None
    known = isinstance(size, int) and size > 0
    return HeldModel(name=entry["name"], size_bytes=size if known else None, expires_at=expires_at)
