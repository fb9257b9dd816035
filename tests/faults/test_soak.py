"""A short, seeded soak; `make soak` runs for half an hour, and judges what grew."""

import random
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.faults.soak import KINDS, SHOWN, broken, of_latencies
from tests.faults.soak_picture import draw
from tests.faults.soak_run import Soak, soak
from tests.faults.soak_samples import MEASURES
from tests.faults.soak_verdict import compare

KILL = "kill -9: busy worker"


@pytest.fixture(scope="module")
def short() -> Soak:
    """A site that ran for some seconds, and whose busy worker was killed."""
    return soak("sqlite", minutes=0.1, seed=7, fault_seconds=8, sample_seconds=0.5, only=[KILL])


def test_nothing_is_lost_under_mixed_load(short: Soak) -> None:
    """What was accepted is complete and right, and nothing fails but for the fault."""
    assert short.outcome.kept
    assert set(short.outcome.recoveries) == {KILL}
    assert [one for one in short.answers if not one.well and short.calm(one.at, one.at)] == []


def test_everything_is_measured(short: Soak) -> None:
    """Each process in each of its lives, files, each kind of request, and the machine itself."""
    assert {life.role for life in short.lives} >= set(SHOWN)
    for life in short.lives:
        assert life.series["memory"][0][1] > 0
    [web] = [life for life in short.lives if life.role == "web server"]
    assert all(len(web.series[name]) > 5 for name in MEASURES)
    assert sum(life.role == "worker 0" for life in short.lives) > 1
    assert {answer.kind for answer in short.answers} >= {*KINDS, "purge", "configuration"}
    assert short.files["databases"]
    assert short.files["logs"]
    assert short.yardstick


def test_leak_is_told(short: Soak) -> None:
    """A web server that takes more and more memory breaks a promise, by name."""
    before = list(broken(short))
    grown = [
        replace(
            life,
            series={
                **life.series,
                "memory": [(at, 10 * (at - short.begins)) for at, _ in life.series["memory"]],
            },
        )
        if life.role == "web server"
        else life
        for life in short.lives
    ]
    told = set(broken(replace(short, lives=grown))) - set(before)
    assert [one.partition(":")[0] for one in told] == ["memory of web server"]


def test_picture_has_a_line_for_each_life(short: Soak) -> None:
    """It is well-formed; a process that was replaced has two lines, and each fault its mark."""
    picture = ElementTree.fromstring(draw(short, SHOWN, KINDS))
    charts = picture.findall("{*}g")
    titles = [chart.findtext("{*}text") for chart in charts]
    assert titles[:4] == [f"{role}: memory" for role in SHOWN]
    for chart, role in zip(charts, SHOWN, strict=False):
        lives = sum(life.role == role for life in short.lives)
        assert len(chart.findall("{*}polyline")) == lives
        assert len(chart.findall("{*}rect")) == len(short.troubles)


@pytest.mark.parametrize(("growth", "flat"), [(0.0, True), (0.1, True), (0.6, False)])
def test_what_grows_is_not_flat(growth: float, flat: bool) -> None:
    """A noisy series that ends higher by more than the limit is seen, whatever its size."""
    chance = random.Random(1)
    for size in (5.0, 500.0):
        points = [
            (at, size * (1 + growth * at / 300) * chance.uniform(0.9, 1.1)) for at in range(300)
        ]
        assert compare("memory", points, limit=1.15).flat is flat


def test_warming_up_is_no_growth() -> None:
    """What rises at first and then stays is flat; what was not measured is not."""
    assert compare("memory", [(at, min(at, 40.0)) for at in range(200)], limit=1.15).flat
    assert not compare("memory", [], limit=1.15).flat


def test_slow_machine_excuses_as_much_as_it_slowed_down(short: Soak) -> None:
    """Requests may take as much longer as the same work does, and no more than the limit beyond."""
    length = short.ends - short.begins

    def slower(factor: float) -> Soak:
        answers = [
            replace(one, kind="poll", at=short.begins + share * length, seconds=seconds)
            for one, share, seconds in [
                (short.answers[0], 0.3, 0.1),
                (short.answers[0], 0.9, 0.1 * factor),
            ]
        ]
        work = [(short.begins + 0.3 * length, 0.02), (short.begins + 0.9 * length, 0.06)]
        return replace(short, answers=answers, yardstick=work, troubles=[])

    assert all(one.flat for one in of_latencies(slower(4.0), "poll").values())
    assert not any(one.flat for one in of_latencies(slower(5.0), "poll").values())
