"""The queue, and what is made of llama.cpp's chunks."""

import json
import threading

import pytest

from enrichment.inference.engine.errors import AbandonedError, RefusedError
from enrichment.inference.engine.llama import MAX_IDENTICAL_TOKENS, _Reply
from enrichment.inference.engine.protocol import Piece
from enrichment.inference.engine.turns import Turns

WAIT_SECONDS = 5
TIMINGS = {
    "cache_n": 20,
    "prompt_n": 5,
    "prompt_ms": 1.5,
    "predicted_n": 2,
    "predicted_ms": 2.0,
}


def test_turns_are_given_one_at_a_time_in_the_order_of_arrival():
    turns, order, threads = Turns(), [], []

    def work(number: int) -> None:
        with turns.take(lambda: True):
            order.append(number)

    with turns.take(lambda: True):
        for number in range(5):
            asked = threading.Event()
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while len(turns._queue) < number + 2:
                asked.wait(0.001)
        assert order == []
    for thread in threads:
        thread.join(WAIT_SECONDS)

    assert order == [0, 1, 2, 3, 4]


def test_turns_waiter_that_is_not_wanted_any_more_gives_up():
    turns = Turns()

    with turns.take(lambda: True):
        answers = iter([True, True, False])
        with pytest.raises(AbandonedError), turns.take(lambda: next(answers)):
            pytest.fail("it must not run")

    with turns.take(lambda: True):
        pass


def test_turns_free_turn_is_not_given_to_one_that_is_not_wanted():
    with pytest.raises(AbandonedError), Turns().take(lambda: False):
        pytest.fail("it must not run")


def test_turns_failure_inside_passes_the_turn_on():
    turns = Turns()

    with pytest.raises(ValueError), turns.take(lambda: True):
        raise ValueError

    with turns.take(lambda: True):
        pass


def token(text: str, finish: str | None = None, logprobs: list | None = None) -> bytes:
    choice = {"text": text, "finish_reason": finish, "logprobs": None}
    if logprobs is not None:
        choice["logprobs"] = {"content": logprobs}
    return json.dumps({"choices": [choice], "timings": TIMINGS if finish else None}).encode()


def collect(*chunks: bytes, top_logprobs: int = 0, wanted=lambda: True) -> tuple[_Reply, list]:
    pieces: list[Piece] = []
    reply = _Reply(pieces.append, wanted, top_logprobs)
    for chunk in chunks:
        if reply.receive(chunk):
            break
    return reply, pieces


def test_reply_collects_pieces_and_measurements():
    reply, pieces = collect(token("a"), token("b"), token("", "stop"))

    assert [piece.text for piece in pieces] == ["a", "b"]
    outcome = reply.outcome()
    assert (outcome.done_reason, outcome.prompt_eval_count, outcome.eval_count) == ("stop", 25, 2)
    assert (outcome.prompt_eval_duration, outcome.eval_duration) == (1_500_000, 2_000_000)


def test_reply_shapes_logprobs_and_drops_the_ending_token():
    a = {"id": 1, "token": "a", "logprob": -0.5, "bytes": [97]}
    end = {"id": 2, "token": "", "logprob": -0.1, "bytes": []}

    _, pieces = collect(
        token("a", logprobs=[{**a, "top_logprobs": [a, end]}]),
        token("", logprobs=[{**end, "top_logprobs": [end, a]}]),
        token("", "stop"),
        top_logprobs=2,
    )

    bare = {"token": "a", "logprob": -0.5, "bytes": [97]}
    assert [piece.logprobs for piece in pieces] == [
        [{**bare, "top_logprobs": [bare, {"token": "", "logprob": -0.1}]}]
    ]


def test_reply_without_top_logprobs_has_no_such_list():
    a = {"id": 1, "token": "a", "logprob": -0.5, "bytes": [97]}

    _, pieces = collect(token("a", logprobs=[{**a, "top_logprobs": [a]}]))

    assert set(pieces[0].logprobs[0]) == {"token", "logprob", "bytes"}


def test_reply_that_repeats_one_token_is_cut():
    progress = json.dumps({"prompt_progress": {"total": 7}}).encode()

    reply, pieces = collect(progress, *[token(" ha")] * 100)

    assert len(pieces) == MAX_IDENTICAL_TOKENS + 2
    assert reply.outcome().done_reason == "length"
    assert reply.outcome().prompt_eval_count == 7


def test_reply_that_nobody_wants_stops_at_the_next_chunk():
    reply, pieces = collect(token("a"), wanted=lambda: False)

    assert pieces == []
    with pytest.raises(AbandonedError):
        reply.outcome()


def test_reply_with_an_error_is_refused_with_its_status():
    reply, _ = collect(json.dumps({"error": {"code": 400, "message": "too long"}}).encode())

    with pytest.raises(RefusedError, match="too long") as caught:
        reply.outcome()

    assert caught.value.status == 400


def test_reply_whose_consumer_fails_raises_that_and_stops():
    def fail(piece: Piece) -> None:
        raise BrokenPipeError

    reply = _Reply(fail, lambda: True, 0)

    assert reply.receive(token("a")) is True
    with pytest.raises(BrokenPipeError):
        reply.outcome()


def test_reply_that_never_finished_is_an_error():
    reply, _ = collect(token("a"))

    with pytest.raises(RefusedError) as caught:
        reply.outcome()

    assert caught.value.status == 500
