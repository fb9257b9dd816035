"""The wheel's drawing: its cells fill their rings, each word once, and the path alone is lit."""

import re
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages.wheel import PLEASANT, PRIMARIES, WORDS, find
from enrichment.wheel_drawing import CENTRE, RINGS, SIZE, Cell, draw_wheel

PATHS = st.sampled_from([(), *(find(word) for word in WORDS)])
# A letter of the widest typeface that we met, in units of the drawing.
LETTER = 12.5


def corners(cell: Cell) -> list[tuple[float, float]]:
    """Return where the outline goes to: the last two numbers of each step."""
    steps = re.findall(r"[MAL]([^MALZ]+)", cell.path)
    return [tuple(float(number) for number in step.split()[-2:]) for step in steps]


@given(path=PATHS)
def test_each_word_has_one_cell_within_the_drawing(path):
    """All 150, whatever is lit; nothing is outside of the picture."""
    drawn = draw_wheel(path)

    assert sorted(cell.word for cell in drawn.cells) == sorted(WORDS)
    for cell in drawn.cells:
        for x, y in corners(cell):
            assert 0 <= x <= SIZE
            assert 0 <= y <= SIZE
            distance = hypot(x - CENTRE, y - CENTRE)
            assert min(abs(distance - radius) for radius in RINGS[cell.ring - 1]) < 0.02


@given(path=PATHS)
def test_path_alone_is_lit_and_drawn_last(path):
    """No more and no less than its words, over all others, and the name says them."""
    drawn = draw_wheel(path)
    lit = [cell for cell in drawn.cells if cell.lit]

    assert {cell.word for cell in lit} == set(path)
    assert list(drawn.cells[len(drawn.cells) - len(lit) :]) == lit
    assert all(word in drawn.name for word in path)
    assert {cell.near for cell in lit} <= {True}
    near = {cell.word for cell in drawn.cells if cell.near}
    assert near == {word for word in WORDS if path and find(word)[0] == path[0]}


@pytest.mark.parametrize("ring", [1, 2, 3])
def test_cells_of_a_ring_go_once_round(ring: int):
    """Side by side, without gap or overlap."""
    cells = sorted(
        (cell for cell in draw_wheel(()).cells if cell.ring == ring), key=lambda cell: cell.begins
    )

    ends = [*(cell.begins for cell in cells[1:]), cells[0].begins + 360]
    assert [cell.ends for cell in cells] == pytest.approx(ends)


@given(path=PATHS)
def test_child_lies_within_its_parent(path):
    """Outward from it, within its angles."""
    cells = {cell.word: cell for cell in draw_wheel(path).cells}
    for word, cell in cells.items():
        if len(place := find(word)) > 1:
            parent = cells[place[-2]]
            assert parent.ring == cell.ring - 1
            assert parent.begins - 1e-9 <= cell.begins
            assert cell.ends <= parent.ends + 1e-9


@given(path=PATHS)
def test_words_stand_upright_within_the_drawing(path):
    """None on its head; the two inner rings are all written, of the outer one what is lit."""
    for cell in draw_wheel(path).cells:
        assert (cell.label is not None) == (cell.ring < 3 or cell.lit)
        if cell.label is None:
            continue
        assert -90 <= cell.label.turn <= 90
        # Along the radius or level, half of a word reaches so far at most.
        half = len(cell.word) * LETTER / 2 if cell.ring < 3 else 0
        assert hypot(cell.label.x - CENTRE, cell.label.y - CENTRE) + half < SIZE / 2 + 5


def test_pleasant_lies_to_the_right():
    """As on the plane of valence beside it."""
    labels = {cell.word: cell.label for cell in draw_wheel(()).cells}
    for primary in PRIMARIES:
        assert (labels[primary].x > CENTRE) == (primary in PLEASANT)
