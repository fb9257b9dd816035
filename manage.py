#!/usr/bin/env python
"""Runs Perfsite's management commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfsite.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        # What an operator has to mend, without the way there through our code.
        sys.exit(f"{exc}")
    except (InterfaceError, OperationalError) as exc:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database can't be used: {exc}")
