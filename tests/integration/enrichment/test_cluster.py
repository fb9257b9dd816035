"""The queue's family: who left and who died, on real processes."""

import multiprocessing
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
