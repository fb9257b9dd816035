"""What the stages' results may hold and nothing else: closed words, numbers in range."""

from collections.abc import Mapping
from typing import Any

from enrichment.stages import vocabulary, wheel
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.hybrid_scorer import NO_MODEL
from enrichment.stages.language import LANGUAGES, NOT_ENGLISH, NOT_LEGIBLE, PARTLY_ENGLISH
from enrichment.stages.model_signal import NO_LABEL
from enrichment.stages.review import Writing, problems
from enrichment.stages.texts import CURATED, FALLBACKS

WARNINGS = {
    NO_LABEL,
    NO_MODEL,
    NOT_ENGLISH,
    NOT_LEGIBLE,
    PARTLY_ENGLISH,
    wheel.PRIMARY_UNKNOWN,
    wheel.PRIMARY_DEEPER,
    wheel.SECONDARY_ILLEGAL,
    wheel.SECONDARY_DEEPER,
}
LISTS = {
    "invoked": set(vocabulary.DRIVERS),
    "expressed": set(vocabulary.TONES),
    "events": set(vocabulary.EVENTS),
}
PROVENANCE = {"engine", "model", "digest", "method", "signals"}


def assert_share(value: object) -> None:
    """Hold a value to a number from 0 to 1."""
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)
    assert 0 <= value <= 1


def assert_stage1(content: Mapping[str, Any]) -> None:
    """Hold a Stage 1 content to its members, its closed lists and its ranges."""
    scales = {"valence", "arousal", "confidence", "congruence"}
    others = {"wheel", "undetermined", "language", "warnings", "provenance"}
    assert set(content) == scales | others | set(LISTS)
    for name in scales:
        assert_share(content[name])
    for name, allowed in LISTS.items():
        assert set(content[name]) <= allowed
        assert content[name] == sorted(set(content[name]))
        assert len(content[name]) <= 3
    assert set(content["warnings"]) <= WARNINGS
    assert set(content["language"]) == {"detected", "confidence"}
    assert content["language"]["detected"] in LANGUAGES
    assert_share(content["language"]["confidence"])
    found = content["wheel"]
    assert content["undetermined"] is (found is None)
    if found is not None:
        assert list(found) == ["primary", "secondary", "tertiary"]
        path = [word for word in found.values() if word is not None]
        assert wheel.find(path[-1]) == tuple(path)
    _assert_provenance(content["provenance"])


def _assert_provenance(provenance: Mapping[str, Any]) -> None:
    assert PROVENANCE <= set(provenance) <= PROVENANCE | {"prompt_version"}
    assert provenance["method"] in {"likelihood", "schema", "lexicon"}
    for signal in provenance["signals"].values():
        assert signal is None or set(signal) == set(wheel.PRIMARIES)
        for share in (signal or {}).values():
            assert_share(share)


def assert_stage2(answer: StageAnswer, primary: str | None) -> None:
    """Hold a Stage 2 answer to reviewed writing of the model, or to a text that a person wrote."""
    result = answer.result
    assert set(result) == {"poem", "tips", "closing_line", "provenance"}
    writing = Writing(
        poem=tuple(result["poem"]),
        tips=tuple(result["tips"]),
        closing_line=result["closing_line"],
    )
    if answer.outcome == Outcome.MODEL:
        assert problems(writing) == ()
    else:
        assert writing in (FALLBACKS[primary] if primary else CURATED)
        assert answer.outcome == (Outcome.FALLBACK if primary else Outcome.CURATED)
        assert not answer.stored
