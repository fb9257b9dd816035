"""Ends the site by SIGTERM while it works, again and again."""

import signal
import time
from dataclasses import dataclass, field

import psutil

from tests.faults.chaos_model import Mood
from tests.faults.chaos_site import PATIENCE_SECONDS, World, chaos_folder
from tests.queues import alive

LONGEST_SECONDS = 10.0
CALM_SECONDS = (0.2, 1.5)
# One that answers, one that is not done within the time that a stage is given, one in between.
MOODS = (Mood.WELL, Mood.SLOW, Mood.HANGING)
UNFINISHED_CHARGED = (
    "SELECT count(*) FROM enrichment_job WHERE finished_at IS NULL AND"
    " (attempts > 0 OR errors > 0 OR claimed_by != '')"
)
DONE_CHARGED_TWICE = (
    "SELECT count(*) FROM enrichment_job WHERE finished_at IS NOT NULL AND attempts > 1"
)


@dataclass
class Stops:
    """What came of all stops. seconds: from SIGTERM to the end of the last process."""

    seconds: list[float] = field(default_factory=list)
    left_running: int = 0
    charged: int = 0


def prove(times: int, seed: int) -> Stops:
    """Stop a site under load so often, and start it again each time."""
    stops = Stops()
    with chaos_folder() as folder:
        world = World("sqlite", folder, seed)
        with world.running():
            for number in range(times):
                world.wait_until_settled()
                with world.model.feeling(MOODS[number % len(MOODS)]):
                    time.sleep(world.chance.uniform(*CALM_SECONDS))
                    _stop(world, stops)
                world.start()
            world.wait_until_settled()
            with world.load.paused():
                world.until(lambda: world.unfinished() == 0, "all done")
            stops.charged += world.books.number(DONE_CHARGED_TWICE)
    return stops


def _stop(world: World, stops: Stops) -> None:
    members = world.site.family()
    started = time.monotonic()
    world.site.process.send_signal(signal.SIGTERM)
    world.site.process.wait(PATIENCE_SECONDS)
    psutil.wait_procs(members, timeout=10)
    stops.seconds.append(time.monotonic() - started)
    stops.left_running += sum(map(alive, members))
    stops.charged += world.books.number(UNFINISHED_CHARGED)
