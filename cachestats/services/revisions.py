"""Revisions of the configuration: checked, saved, restored; in force everywhere in a second."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from cachestats.config.current import current, forget, read_file
from cachestats.config.schema import Effective, differs, flat, merge, parse, sections
from cachestats.errors import FieldError, InvalidConfig, InvalidTuningFile, RevisionSuperseded
from cachestats.models import ConfigRevision

Overlay = Mapping[str, Any]
# As many a revision keeps.
REASON_CHARACTERS = 200


def check_overlay(overlay: Overlay) -> None:
    """Hold an overlay against the schema, by itself and over the tuning file.

    Raises:
        InvalidTuningFile: the file itself is wrong.
        InvalidConfig: names each wrong key and what is accepted.
    """
    try:
        file = read_file(settings.PERF_CONFIG)
        parse(file)
    except InvalidConfig as exc:
        raise InvalidTuningFile(exc.errors) from exc
    merge(file, overlay)


def save_revision(
    overlay: Overlay, author: User | None, reason: str = "", *, token_name: str = ""
) -> ConfigRevision:
    """Save an overlay over the tuning file; it is in force everywhere within a second.

    Raises:
        InvalidTuningFile, InvalidConfig: as `check_overlay`.
    """
    check_overlay(overlay)
    return _create(overlay, author, reason, token_name)


def _create(overlay: Overlay, author: User | None, reason: str, token_name: str) -> ConfigRevision:
    revision = ConfigRevision.objects.create(
        overlay=overlay, author=author, reason=reason, token_name=token_name
    )
    # Not before it is committed: this process would keep the old values for a second.
    transaction.on_commit(forget)
    return revision


def change_config(
    changes: Mapping[str, Mapping[str, Any]],
    author: User | None,
    reason: str = "",
    *,
    reset: Sequence[str] = (),
    token_name: str = "",
    only_after: Collection[int] | None = None,
) -> ConfigRevision:
    """Save the newest overlay with some values changed, and leave its other values as they are.

    Of changes at the same time each is made over the other. Where nothing changes, the newest
    revision stays.

    Args:
        reset: "section.name" of values that the file decides again, unless they are changed.
        only_after: the revisions that may be the newest; 0 is none at all. None: whichever.

    Raises:
        InvalidTuningFile, InvalidConfig: as `check_overlay`; or names what can't be reset.
        RevisionSuperseded: another revision is the newest.
    """
    with _newest() as newest:
        before = newest.overlay if newest else {}
        overlay = _changed(before, changes, reset)
        # What would be refused anyway is refused for that (RFC 9110, 13.2.1).
        check_overlay(overlay)
        _require(only_after, newest)
        if newest and overlay == before:
            return newest
        revision = _create(overlay, author, reason, token_name)
    # Not before it is committed: this process would keep the old values for a second.
    forget()
    return revision


def restore_revision(
    revision: ConfigRevision,
    author: User | None,
    why: str = "",
    *,
    token_name: str = "",
    only_after: Collection[int] | None = None,
) -> ConfigRevision:
    """Save an earlier overlay as the newest revision.

    Raises:
        InvalidTuningFile: as `check_overlay`.
        InvalidConfig: it breaks today's schema.
        RevisionSuperseded: another revision is the newest than one of `only_after`.
    """
    what = f"Restores revision {revision.number}"
    reason = f"{what}: {why}"[:REASON_CHARACTERS] if why else what
    with _newest() as newest:
        check_overlay(revision.overlay)
        _require(only_after, newest)
        restored = _create(revision.overlay, author, reason, token_name)
    forget()
    return restored


@dataclass(frozen=True, kw_only=True)
class ConfigPreview:
    """What would be in force. revision: the newest, over which it was looked at; 0 for none."""

    revision: int
    before: Effective
    after: Effective


def preview_config_change(
    changes: Mapping[str, Mapping[str, Any]], *, reset: Sequence[str] = ()
) -> ConfigPreview:
    """Return what `change_config` would put in force; saves nothing and raises the same."""
    newest = ConfigRevision.objects.order_by("-number").first()
    return _preview(newest, _changed(newest.overlay if newest else {}, changes, reset))


def preview_config_restore(revision: ConfigRevision) -> ConfigPreview:
    """Return what `restore_revision` would put in force; saves nothing and raises the same."""
    return _preview(ConfigRevision.objects.order_by("-number").first(), revision.overlay)


def _preview(newest: ConfigRevision | None, overlay: Overlay) -> ConfigPreview:
    check_overlay(overlay)
    file, number = read_file(settings.PERF_CONFIG), newest.number if newest else 0
    try:
        before = merge(file, newest.overlay if newest else {}, number)
    except InvalidConfig:
        # The newest revision breaks today's schema: what is in force is the last that did not.
        before = current()
    return ConfigPreview(revision=number, before=before, after=merge(file, overlay, number + 1))


def undo_revision(number: int, author: User | None, reason: str = "") -> ConfigRevision:
    """Save the newest overlay with what one revision changed as it was before; the rest stays.

    Raises:
        RevisionSuperseded: there is no such revision, or something that it changed was changed
            since.
        InvalidTuningFile, InvalidConfig: as `check_overlay`.
    """
    upto = ConfigRevision.objects.filter(number__lte=number).order_by("-number")
    with _newest() as newest:
        found = list(upto[:2])
        if newest is None or not found or found[0].number != number:
            raise RevisionSuperseded(f"There is no revision {number}.")
        after = flat(found[0].overlay)
        before = flat(found[1].overlay) if len(found) > 1 else {}
        now = flat(newest.overlay)
        names = {name for name in before | after if differs(before, after, name)}
        if any(differs(now, after, name) for name in names):
            raise RevisionSuperseded("What it changed was changed again since.")
        kept = {name: value for name, value in now.items() if name not in names}
        kept |= {name: before[name] for name in names if name in before}
        overlay: dict[str, dict[str, Any]] = {}
        for whole, value in kept.items():
            section, _, name = whole.partition(".")
            overlay.setdefault(section, {})[name] = value
        check_overlay(overlay)
        restored = _create(overlay, author, reason, "")
    forget()
    return restored


@contextmanager
def _newest() -> Iterator[ConfigRevision | None]:
    """Give the newest revision, and let nobody else save one until this is left."""
    with transaction.atomic():
        # SQLite has locked the whole file by now: its transactions are immediate.
        if connection.vendor == "postgresql":
            table = connection.ops.quote_name(ConfigRevision._meta.db_table)
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield ConfigRevision.objects.order_by("-number").first()


def _require(only_after: Collection[int] | None, newest: ConfigRevision | None) -> None:
    number = newest.number if newest else 0
    if only_after is not None and number not in only_after:
        raise RevisionSuperseded(f"The newest revision is {number}.")


def _changed(
    overlay: Overlay, changes: Mapping[str, Mapping[str, Any]], reset: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return a copy of an overlay without what is reset and with what is changed."""
    changed = _without(overlay, reset)
    for section, values in changes.items():
        changed[section] = {**changed.get(section, {}), **values}
    return changed


def _without(overlay: Overlay, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return a copy of an overlay without some of its values.

    Raises:
        InvalidConfig: a name is neither in the schema nor in the overlay, as an old one may be.
    """
    copy = {section: dict(values) for section, values in overlay.items()}
    schema = sections()
    unknown = []
    for whole in names:
        section, _, name = whole.partition(".")
        known = section in schema and name in schema[section].model_fields
        if not known and name not in copy.get(section, {}):
            unknown.append(whole)
        elif section in copy:
            copy[section].pop(name, None)
    if unknown:
        message = f"holds what is not known: {', '.join(unknown)}; accepted: section.name"
        raise InvalidConfig([FieldError(field="reset", message=message)])
    return {section: values for section, values in copy.items() if values}
