"""Cores as systems tell of them, and the numbers of threads that are worth trying."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.inference import cores
from enrichment.inference.cores import (
    Cores,
    blind_candidates,
    count_cores,
    parse_cgroup,
    parse_cpu_list,
    parse_cpu_max,
    strong_processors,
    thread_candidates,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [("0-3,8\n", {0, 1, 2, 3, 8}), ("0", {0}), ("0,2-3", {0, 2, 3}), ("\n", set())],
)
def test_cpu_list_names_its_processors(text: str, found: set[int]) -> None:
    """Ranges and single ones, as the kernel writes them; an empty list has none."""
    assert parse_cpu_list(text) == found


@given(st.sets(st.integers(0, 500)))
def test_any_set_of_processors_is_read_back(processors: set[int]) -> None:
    """A list of single ones says what it was written from."""
    assert parse_cpu_list(",".join(map(str, processors))) == processors


@pytest.mark.parametrize("text", ["a", "1-b", "-", "1-2-3"])
def test_what_is_no_cpu_list_is_refused(text: str) -> None:
    """Better nothing known than a wrong number."""
    with pytest.raises(ValueError, match="invalid literal"):
        parse_cpu_list(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("max 100000\n", None), ("150000 100000\n", 1.5), ("50000 100000", 0.5)],
)
def test_cpu_max_is_a_number_of_processors(text: str, found: float | None) -> None:
    """Quota over period; "max" is no limit."""
    assert parse_cpu_max(text) == found


@pytest.mark.parametrize("text", ["", "100000", "0 100000", "1 0", "x y"])
def test_what_is_no_cpu_max_is_refused(text: str) -> None:
    """No number is made of it, and nothing is divided by zero."""
    with pytest.raises(ValueError, match=r"no quota|invalid literal"):
        parse_cpu_max(text)


def test_control_group_of_version_two_is_found() -> None:
    """Among those of version one, which have another form."""
    text = "9:name=systemd:/\n1:cpu:/a\n0::/user.slice/me.scope\n"
    assert parse_cgroup(text) == PurePosixPath("user.slice/me.scope")
    assert parse_cgroup("1:cpu:/a\n") is None


def test_strong_processors_are_told_by_capacity() -> None:
    """Of a big.LITTLE machine's three kinds those that save power are left out."""
    three_kinds = {0: 250, 1: 250, 2: 870, 3: 870, 4: 1024}
    assert strong_processors(three_kinds) == {2, 3, 4}
    assert strong_processors({0: 1024, 1: 1024}) == frozenset()
    assert strong_processors({}) == frozenset()


def test_siblings_are_one_core() -> None:
    """Two processors of one core count once; one that nobody knows of counts for itself."""
    siblings = [frozenset({0, 1}), frozenset({0, 1}), frozenset({2, 3})]
    assert count_cores(frozenset({0, 1, 2, 9}), siblings) == 3


def test_candidates_are_what_the_machine_suggests() -> None:
    """All physical cores, the strong ones, one less, one, half, and all that can run."""
    machine = Cores(physical=14, logical=20, performance=6)
    assert thread_candidates(machine) == (1, 6, 7, 13, 14, 20)
    assert thread_candidates(Cores(physical=2, logical=2)) == (1, 2)
    assert thread_candidates(Cores(physical=1, logical=1)) == (1,)


@given(
    st.builds(
        Cores,
        physical=st.integers(1, 300),
        logical=st.integers(1, 600),
        performance=st.none() | st.integers(1, 300),
        allowed=st.none() | st.integers(1, 600),
        quota=st.none() | st.floats(0.01, 600),
    )
)
def test_candidates_are_within_what_can_run(machine: Cores) -> None:
    """No more threads than the process may have at once, whatever the machine has; few of them."""
    found = thread_candidates(machine)
    assert 1 <= len(found) <= cores.MOST_CANDIDATES
    assert list(found) == sorted(set(found))
    assert found[0] >= 1
    assert found[-1] <= machine.usable <= machine.logical


def test_another_machine_is_tried_around_what_is_in_force() -> None:
    """Its cores are not known here."""
    assert blind_candidates(4) == (2, 3, 4, 5, 8)
    assert blind_candidates(1) == (1, 2)


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")


@pytest.mark.usefixtures("linux")
def test_hybrid_machine_tells_its_strong_cores(tmp_path: Path) -> None:
    """Intel's list of them, whose threads share cores."""
    write(tmp_path, sys__devices__cpu_core__cpus="0-3\n")
    for cpu, mates in enumerate(["0-1", "0-1", "2-3", "2-3", "4", "5"]):
        place = f"sys__devices__system__cpu__cpu{cpu}__topology__thread_siblings_list"
        write(tmp_path, **{place: f"{mates}\n"})
    assert cores.detect(tmp_path).performance == 2


@pytest.mark.usefixtures("linux")
def test_quota_of_any_group_above_holds(tmp_path: Path) -> None:
    """The least of the group's own and those around it."""
    write(
        tmp_path,
        proc__self__cgroup="0::/a/b\n",
        sys__fs__cgroup__a__b__cpu_DOT_max="400000 100000\n",
        sys__fs__cgroup__a__cpu_DOT_max="150000 100000\n",
    )
    assert cores.detect(tmp_path).quota == 1.5


@pytest.mark.usefixtures("linux")
def test_machine_that_tells_nothing_has_no_limits(tmp_path: Path) -> None:
    """Without the kernel's files there are still cores."""
    found = cores.detect(tmp_path)
    assert (found.performance, found.quota) == (None, None)
    assert found.physical >= 1
