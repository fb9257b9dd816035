"""django-q2's command, under watch: it ends in time, and never hangs on a process that died."""

import os
import sys
from typing import Any

from django_q.management.commands.qcluster import Command as QCluster

from enrichment import worker
from enrichment.cluster import Family, WatchedCluster
from enrichment.occupancy import occupy
from enrichment.schema import wait_for_schema
from enrichment.starts import Role, record_start


class Command(QCluster):  # type: ignore[misc]  # django-q2 has no types
    """manage.py qcluster"""

    def handle(self, *args: Any, **options: Any) -> None:
        occupy()
        wait_for_schema()
        if options["run_once"]:
            super().handle(*args, **options)
            return
        if options["cluster_name"]:
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        record_start(Role.WORKER)
        family = Family()
        worker.join(family)
        if not WatchedCluster(family).run():
            # It has been logged; whoever supervises this process starts it again.
            sys.exit(1)
