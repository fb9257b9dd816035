"""The plane of valence and arousal: where this reflection lies among earlier ones."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from enrichment.plane_drawing import MARGIN, MOST_DOTS, SIZE, draw_plane
from enrichment.stages.analytics import PastReflection

AT = datetime(2026, 3, 1, tzinfo=UTC)
SHARES = st.floats(0, 1)


def content(valence: float, arousal: float, *, undetermined: bool = False) -> dict:
    return {"valence": valence, "arousal": arousal, "undetermined": undetermined}


@given(valence=SHARES, arousal=SHARES)
def test_place_lies_within_the_plane(valence: float, arousal: float):
    """At its edges too; pleasant to the right of the middle, activated above it."""
    here = draw_plane(content(valence, arousal), ()).here

    assert MARGIN <= here.x <= SIZE - MARGIN
    assert MARGIN <= here.y <= SIZE - MARGIN
    if abs(valence - 0.5) > 0.01:
        assert (here.x > SIZE / 2) == (valence > 0.5)
    if abs(arousal - 0.5) > 0.01:
        assert (here.y < SIZE / 2) == (arousal > 0.5)


@given(pasts=st.lists(st.one_of(st.none(), st.tuples(SHARES, SHARES)), max_size=8))
def test_earlier_reflections_with_a_feeling_are_dots(pasts):
    """Those without one have no place; the name says how many there are."""
    history = [
        PastReflection(at=AT, valence=past and past[0], arousal=past and past[1]) for past in pasts
    ]
    drawn = draw_plane(content(0.9, 0.2), history)

    assert len(drawn.earlier) == len([past for past in pasts if past])
    assert drawn.name.startswith("Valence 0.90 and arousal 0.20")
    assert ("earlier" in drawn.name) == bool(drawn.earlier)


def test_newest_of_many_are_drawn():
    """A long history is no blot."""
    history = [PastReflection(at=AT, valence=0.5, arousal=0.5)] * (MOST_DOTS + 5)

    assert len(draw_plane(content(0.5, 0.5), history).earlier) == MOST_DOTS


def test_no_clear_feeling_has_no_place():
    """And is not drawn in the middle."""
    drawn = draw_plane(content(0.5, 0.5, undetermined=True), ())

    assert drawn.here is None
    assert drawn.name == "No clear feeling has no place on the plane"
