"""Django system checks: every command says at its start what is wrong with the tuning file."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from cachestats.config.current import read_file
from cachestats.config.schema import merge
from cachestats.errors import InvalidConfig


@register()
def tuning_file(**_kwargs: Any) -> list[CheckMessage]:
    """Hold the tuning file against its schema."""
    try:
        merge(read_file(settings.PERF_CONFIG))
    except InvalidConfig as exc:
        hint = f"Mend {settings.PERF_CONFIG}, or point PERF_CONFIG at another file."
        return [
            Error(f"{error.field}: {error.message}", hint=hint, id="cachestats.E001")
            for error in exc.errors
        ]
    return []
