"""The queue's family: who left and who died, on real processes."""

import multiprocessing
import subprocess
import sys
import time

from enrichment.cluster import Family

forking = multiprocessing.get_context("fork")


def test_only_who_goes_without_a_word_is_dead() -> None:
    """A process that ends in order, as a recycled worker does, is no reason to start again."""
    family = Family()
    orderly = forking.Process(target=time.sleep, args=(0.5,))
    killed = forking.Process(target=time.sleep, args=(60,))
    for process in (orderly, killed):
        process.start()
    assert family.dead() == set()

    orderly.join()
    assert family.dead() == set()

    killed.kill()
    killed.join()
    assert family.dead() == {killed.pid}


# Prints the megabytes that a process forked from the queue's main process has made its own.
COLLECTING = """
import gc, os
import django, psutil
django.setup()
from enrichment.cluster import Family, WatchedCluster
WatchedCluster(Family())
if child := os.fork():
    os.waitpid(child, 0)
else:
    before = psutil.Process().memory_full_info().uss
    gc.collect()
    print((psutil.Process().memory_full_info().uss - before) / 2**20, flush=True)
    os._exit(0)
"""


def test_collector_takes_no_memory_of_its_own() -> None:
    """What workers share with their parent they share after the garbage was collected, too."""
    told = subprocess.run(
        [sys.executable, "-c", COLLECTING], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) < 10
