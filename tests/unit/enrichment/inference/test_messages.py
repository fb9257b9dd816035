"""What a call is made of."""

from hypothesis import given
from hypothesis import strategies as st

from enrichment.inference.messages import Call, Timings

MS = st.floats(0, 1e7)


def call(elapsed_ms: float, timings: Timings | None) -> Call:
    return Call(
        host="http://here",
        model="small:1b",
        kind="chat",
        elapsed_ms=elapsed_ms,
        attempts=1,
        timings=timings,
    )


def timings(load_ms: float, prompt_ms: float, generation_ms: float) -> Timings:
    return Timings(
        # It includes what Ollama does between the parts, and must not count twice.
        total_ms=1e9,
        load_ms=load_ms,
        prompt_ms=prompt_ms,
        generation_ms=generation_ms,
        prompt_tokens=7,
        generated_tokens=3,
    )


def test_queue_is_what_the_host_does_not_account_for():
    """Of 100 ms, 60 were loading, prompt and generation: 40 were waiting and the way."""
    assert call(100.0, timings(10.0, 20.0, 30.0)).queue_ms == 40.0


def test_queue_of_a_call_without_an_answer_is_all_of_it():
    """Nobody knows what a host did that never answered."""
    assert call(100.0, None).queue_ms == 100.0


@given(elapsed_ms=MS, load_ms=MS, prompt_ms=MS, generation_ms=MS)
def test_queue_is_never_negative_nor_longer_than_the_call(
    elapsed_ms: float, load_ms: float, prompt_ms: float, generation_ms: float
):
    """Whatever a host's clock says."""
    assert 0 <= call(elapsed_ms, timings(load_ms, prompt_ms, generation_ms)).queue_ms <= elapsed_ms
