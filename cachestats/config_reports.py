"""The configuration as people look at it: what is in force and from where, and who changed what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings

from cachestats import config
from cachestats.config.accepted import accepted
from cachestats.config.current import read_file
from cachestats.config.schema import SWITCH, Effective, differs, flat, merge, sections
from cachestats.errors import FieldError, InvalidConfig
from cachestats.models import ConfigRevision

SWITCHED_OFF = "The tuning file says false, and no revision can switch the cache on over it."
# So many revisions, a good one is looked for among.
LOOKED_AT = 50
# Of a field's schema these are told apart, or are nobody's affair.
TOLD_APART = ("title", "default", "description", "accepted")


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value in force. source: default, file or revision N. note: what else is to be known.

    accepted: in words. constraints: the same as JSON Schema.
    """

    value: Any
    source: str
    default: Any
    description: str
    accepted: str
    constraints: Mapping[str, Any]
    note: str


@dataclass(frozen=True, kw_only=True)
class ConfigReport:
    """What is in force, by section and name.

    revision: the newest; 0 for none. errors: what of file or revision is wrong, so that the last
    good values are in force instead.
    """

    revision: int
    errors: list[FieldError]
    values: Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A value of an overlay: before and after; where it was or is not there, the file decides."""

    field: str
    in_file_before: bool
    before: Any
    in_file_after: bool
    after: Any


@dataclass(frozen=True, kw_only=True)
class RevisionReport:
    """A revision, and how it differs from the one before. author: a user, token_name: with what."""

    number: int
    author: str | None
    token_name: str
    reason: str
    created_at: datetime
    changes: list[Change]


def config_report() -> ConfigReport:
    """Return what is in force, read now."""
    newest = ConfigRevision.objects.order_by("-number").first()
    number = newest.number if newest else 0
    errors: list[FieldError] = []
    file: Mapping[str, Any] = {}
    try:
        file = read_file(settings.PERF_CONFIG)
        effective = merge(file, newest.overlay if newest else {}, number)
    except InvalidConfig as exc:
        effective, errors = config.current(), exc.errors
    return ConfigReport(
        revision=number,
        errors=errors,
        values={section: _values(section, effective, file) for section in sections()},
    )


def effective_at(number: int) -> Effective | None:
    """Return what a revision has in force over today's file; 0 is the file alone.

    None where there is no such revision, or one of both is wrong.
    """
    revision = ConfigRevision.objects.filter(number=number).first()
    if number and revision is None:
        return None
    try:
        return merge(read_file(settings.PERF_CONFIG), revision.overlay if revision else {}, number)
    except InvalidConfig:
        return None


def last_good_revision() -> int | None:
    """Return the newest of the last revisions that can be in force today; None without one."""
    try:
        file = read_file(settings.PERF_CONFIG)
    except InvalidConfig:
        return None
    for revision in ConfigRevision.objects.order_by("-number")[:LOOKED_AT]:
        try:
            merge(file, revision.overlay)
        except InvalidConfig:
            continue
        return int(revision.number)
    return None


def history(size: int, before: int | None = None) -> tuple[list[RevisionReport], bool]:
    """Return so many revisions, newest first, and whether there are more.

    Args:
        before: only those of a lower number.
    """
    rows = ConfigRevision.objects.select_related("author").order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows[: size + 1])
    # Before the first revision there was none; on an empty page there is nothing to compare.
    overlays = [*(row.overlay for row in found[1:]), {}]
    reports = [_revision(row, older) for row, older in zip(found, overlays, strict=False)]
    return reports[:size], len(found) > size


def _values(section: str, effective: Effective, file: Mapping[str, Any]) -> dict[str, Value]:
    kind = sections()[section]
    in_force = getattr(effective.config, section).model_dump(mode="json")
    defaults = kind().model_dump(mode="json")
    constraints = _constraints()[section]
    return {
        name: Value(
            value=in_force[name],
            source=effective.sources[f"{section}.{name}"],
            default=defaults[name],
            description=field.description or "",
            accepted=accepted(field),
            constraints=constraints[name],
            note=_note(f"{section}.{name}", effective, file),
        )
        for name, field in kind.model_fields.items()
    }


def _note(name: str, effective: Effective, file: Mapping[str, Any]) -> str:
    if name != SWITCH or effective.config.caching.enabled:
        return ""
    return SWITCHED_OFF if file.get("caching", {}).get("enabled") is False else ""


@cache
def _constraints() -> dict[str, dict[str, dict[str, Any]]]:
    return {
        section: {
            name: {word: value for word, value in schema.items() if word not in TOLD_APART}
            for name, schema in kind.model_json_schema()["properties"].items()
        }
        for section, kind in sections().items()
    }


def _revision(row: ConfigRevision, older: Mapping[str, Any]) -> RevisionReport:
    before, after = flat(older), flat(row.overlay)
    return RevisionReport(
        number=row.number,
        author=row.author.get_username() if row.author else None,
        token_name=row.token_name,
        reason=row.reason,
        created_at=row.created_at,
        changes=[
            Change(
                field=name,
                in_file_before=name not in before,
                before=before.get(name),
                in_file_after=name not in after,
                after=after.get(name),
            )
            for name in sorted({*before, *after})
            if differs(before, after, name)
        ],
    )
