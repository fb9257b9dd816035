"""Revisions of the configuration: checked, saved, restored; in force everywhere in a second."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from cachestats.config.current import forget, read_file
from cachestats.config.schema import merge
from cachestats.models import ConfigRevision


def check_overlay(overlay: Mapping[str, Any]) -> None:
    """Hold an overlay against the schema, by itself and over the tuning file.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    merge(read_file(settings.PERF_CONFIG), overlay)


def save_revision(
    overlay: Mapping[str, Any], author: User | None, reason: str = ""
) -> ConfigRevision:
    """Save an overlay over the tuning file; it is in force everywhere within a second.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    check_overlay(overlay)
    revision = ConfigRevision.objects.create(overlay=overlay, author=author, reason=reason)
    forget()
    return revision


def change_config(
    changes: Mapping[str, Mapping[str, Any]], author: User | None, reason: str = ""
) -> ConfigRevision:
    """Save the newest overlay with some values changed, and leave its other values as they are.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    newest = ConfigRevision.objects.order_by("-number").first()
    overlay = dict(newest.overlay) if newest else {}
    for section, values in changes.items():
        overlay[section] = {**overlay.get(section, {}), **values}
    return save_revision(overlay, author, reason)


def restore_revision(revision: ConfigRevision, author: User | None) -> ConfigRevision:
    """Save an earlier overlay as the newest revision.

    Raises:
        InvalidConfig: it breaks today's schema.
    """
    return save_revision(revision.overlay, author, f"Restores revision {revision.number}")
