"""Why look-ups were no hits, in words."""

import pytest

from cachestats.models import Reason
from cachestats.reasons import UNKNOWN, ReasonShare


@pytest.mark.parametrize("reason", [*Reason.values, UNKNOWN, "changed: model, prompt"])
def test_reason_has_words_and_advice(reason: str) -> None:
    """Whatever the reason, people read one sentence of what to do about it."""
    row = ReasonShare(reason=reason, count=1, share=1.0)
    assert row.words
    assert row.advice.endswith(".")
    assert row.advice.count(".") <= 2  # one ends it, one may stand in a setting's name


def test_reason_changed_names_what_changed() -> None:
    """The names are told, in the reason and in the advice."""
    row = ReasonShare(reason="changed: model, prompt", count=1, share=1.0)
    assert row.words == "changed: model, prompt"
    assert "model, prompt" in row.advice
    assert row.advice != ReasonShare(reason=UNKNOWN, count=1, share=1.0).advice


def test_reason_of_a_later_version_is_shown_as_it_is() -> None:
    """A reason that this version doesn't know keeps its name."""
    assert ReasonShare(reason="solar_flare", count=1, share=1.0).words == "solar_flare"
