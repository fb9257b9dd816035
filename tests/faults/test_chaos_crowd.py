"""Very many who submit the same at once, as in `make chaos`."""

from tests.faults import chaos_crowd


def test_one_text_submitted_by_very_many_at_once_is_inferred_once() -> None:
    """All of them get the same answer, and the model was asked once for each stage."""
    crowd = chaos_crowd.prove(submissions=1_000)
    assert (crowd.accepted, crowd.complete, crowd.different) == (1_000, 1_000, 1)
    assert crowd.inferences == (1, 1)
