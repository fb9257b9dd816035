"""A streamed answer put together, and where its JSON ends."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enrichment.inference.replies import JsonEnd, StreamedAnswer, read_reply, text_of

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
CONTAINERS = st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=6), VALUES, max_size=3)


def end_of(pieces: Sequence[str]) -> int | None:
    """Return the number of the piece after which the end is reached."""
    end = JsonEnd()
    for number, piece in enumerate(pieces):
        end.feed(piece)
        if end.reached:
            return number
    return None


def chat(*pieces: str, done: bool = True) -> bytes:
    """Return the lines of a streamed chat."""
    lines: list[dict[str, Any]] = [
        {"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces
    ]
    if done:
        end = {"done": True, "done_reason": "stop", "eval_count": 99, "eval_duration": 1_000_000}
        lines.append({"message": {"role": "assistant", "content": ""}, **end})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def heard(stream: bytes, *, is_json: bool) -> tuple[StreamedAnswer, bool]:
    """Return an answer after a stream came byte by byte, and whether it was cut short."""
    answer = StreamedAnswer(json.loads, is_json=is_json)
    return answer, any(answer.take(bytes([byte])) for byte in stream)


@given(CONTAINERS, st.text(max_size=5), st.sampled_from(["", " ", "\n\t"]), st.booleans())
def test_end_is_where_the_value_ends(value, after, before, escaped) -> None:
    """Whatever stands in strings, the last character of the value is its end, and no other."""
    text = before + json.dumps(value, ensure_ascii=escaped)
    assert end_of([*text, *after]) == len(text) - 1


@given(LEAVES.map(json.dumps) | st.text(st.characters(exclude_characters="{["), max_size=20))
def test_text_that_is_no_object_or_array_has_no_end(text: str) -> None:
    """A model that talks is not cut off at a bracket further on."""
    assert end_of([*text, *'{"a": 1}']) is None or not text.strip()


def test_model_that_goes_on_after_its_json_is_cut_short() -> None:
    """Blanks without end cost one token; the value is whole and counts what came."""
    answer, cut = heard(chat('{"a":', " 1}", *["\n"] * 50, done=False), is_json=True)

    content = answer.content()
    assert cut
    assert content is not None
    assert text_of(content) == '{"a": 1}'
    reply = read_reply(content, text_of(content))
    assert (reply.done_reason, reply.timings.generated_tokens) == ("stop", 2)


def test_model_that_ends_with_its_json_is_heard_out() -> None:
    """The last line tells the host's own times, and leaves the connection fit for use."""
    answer, cut = heard(chat('{"a":', " 1}"), is_json=True)

    assert not cut
    content = answer.content()
    assert content is not None
    assert content["eval_count"] == 99


def test_text_that_is_not_to_be_json_is_never_cut_short() -> None:
    """Where no schema was asked for, what follows a bracket is part of the answer."""
    answer, cut = heard(chat("{}", " and more"), is_json=False)
    content = answer.content()
    assert not cut
    assert content is not None
    assert text_of(content) == "{} and more"
