"""The WSGI application that granian serves."""

import gc
import logging
import os
import signal
import sys
import threading

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfsite.settings")

try:
    application = get_wsgi_application()
except ImproperlyConfigured as exc:
    # As manage.py does: what an operator has to mend, without the way there through our code.
    sys.exit(f"{exc}")

# These need the settings.
from django.db import DatabaseError, connections

from enrichment.api.waiting import end_waits
from enrichment.occupancy import occupy
from enrichment.schema import schema_trouble
from enrichment.starts import Role, record_start
from perfsite.health import version_trouble

logger = logging.getLogger(__name__)

occupy()

# What is loaded by now stays. The collector would walk all of it now and then, which takes a tenth
# of a second, in which nobody is answered.
gc.collect()
gc.freeze()

ENDS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def _end_waits_on_a_signal() -> None:
    """Answer the requests that wait as soon as this process is told to end.

    The server waits for them, and installs its own handlers after it has loaded this module: so we
    are told by the interpreter, beside any handler, of each signal that has one.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)

    def listen() -> None:
        while not ENDS.intersection(os.read(told, 64)):
            pass
        end_waits()

    threading.Thread(target=listen, name="end-of-waits", daemon=True).start()


# Only there the interpreter lets itself be asked; Django's runserver loads this in another thread.
if threading.current_thread() is threading.main_thread():
    _end_waits_on_a_signal()


def _note_the_start() -> None:
    """Note it, and say at once what would make every answer an error, or odd."""
    try:
        if trouble := schema_trouble():
            logger.error("[PERF] This site is not ready: %s", trouble)
        else:
            record_start(Role.WEB)
            version_trouble()
    except DatabaseError as exc:
        logger.warning("[PERF] The database can't be read: %s", exc)
    connections.close_all()


# No request waits for the database because of it.
threading.Thread(target=_note_the_start, name="start", daemon=True).start()
