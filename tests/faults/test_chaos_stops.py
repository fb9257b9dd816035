"""A short, seeded run of ends under load; `make chaos` does it at length."""

from tests.faults import chaos_stops


def test_site_that_is_told_to_end_under_load_ends_in_time_and_charges_nothing() -> None:
    """Whether the model answers, dawdles or hangs: within 10 s, and each job is as it was."""
    stops = chaos_stops.prove(times=3, seed=7)
    assert max(stops.seconds) <= chaos_stops.LONGEST_SECONDS
    assert (stops.left_running, stops.charged) == (0, 0)
