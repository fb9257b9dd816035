"""Settings of django-q2 by itself, as in `bare`, but of a job that went well it keeps nothing."""

from tests.benchmarks.bare import *  # noqa: F403
from tests.benchmarks.bare import Q_CLUSTER

Q_CLUSTER = {**Q_CLUSTER, "save_limit": -1}
