"""The configuration as a form: each value as text and back, and what a change comes to.

It knows the schema and no request. What a text means is decided by the schema: it is read as JSON
where that is possible, and whatever is wrong with it is said in the schema's own words.
"""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from cachestats.config.schema import Effective, sections
from cachestats.config_reports import ConfigReport, Value
from cachestats.errors import FieldError

# Of numbers; a description begins with it.
UNITS = {"Seconds": "seconds", "Milliseconds": "milliseconds", "Bytes": "bytes", "Tokens": "tokens"}


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One value of the form. name: "section.name". text: what stands in it.

    choices: texts, where only these are accepted. unit: of a number; "" for none.
    can_reset: a revision decides it, so that it can be given back to the file.
    """

    name: str
    label: str
    text: str
    value: Value
    default: str
    unit: str
    choices: tuple[str, ...]
    can_reset: bool
    reset: bool
    errors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FormSection:
    """The values of one section. about: what they are for, in a sentence."""

    name: str
    about: str
    fields: list[FormField]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value that a change has otherwise in force, or from elsewhere; both as texts."""

    field: str
    before: str
    before_source: str
    after: str
    after_source: str

    @property
    def same_value(self) -> bool:
        """Whether just who decides is another."""
        return self.before == self.after


def form_sections(
    report: ConfigReport,
    given: Mapping[str, str] | None = None,
    reset: Collection[str] = (),
    errors: Collection[FieldError] = (),
) -> list[FormSection]:
    """Return the form.

    Args:
        given, reset: what was sent; None: what is in force stands in it.
        errors: what is wrong with it.
    """
    given = given or {}
    return [
        FormSection(
            name=section,
            about=(kind.__doc__ or "").partition("\n")[0],
            fields=[
                _field(f"{section}.{name}", value, given, reset, errors)
                for name, value in report.values[section].items()
            ],
        )
        for section, kind in sections().items()
    ]


def _field(
    name: str,
    value: Value,
    given: Mapping[str, str],
    reset: Collection[str],
    errors: Collection[FieldError],
) -> FormField:
    first, _, _ = value.description.partition(" ")
    return FormField(
        name=name,
        label=name.partition(".")[2].replace("_", " "),
        text=given.get(name, as_text(value.value)),
        value=value,
        default=as_text(value.default),
        unit=UNITS.get(first, ""),
        choices=_choices(name),
        can_reset=value.source.startswith("revision"),
        reset=name in reset,
        errors=tuple(
            error.message
            for error in errors
            if error.field == name or error.field.startswith(f"{name}.")
        ),
    )


def read_form(
    given: Mapping[str, str], reset: Collection[str], seen: Effective
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return what a form changes, by section and name, and what it gives back to the file.

    Args:
        given: texts by "section.name"; what is missing is not changed.
        reset: names; what the form itself changes is not reset.
        seen: what was in force when the form was shown.
    """
    changes: dict[str, dict[str, Any]] = {}
    for section, kind in sections().items():
        before = getattr(seen.config, section).model_dump(mode="json")
        for name in kind.model_fields:
            text = given.get(f"{section}.{name}")
            if text is None or text == as_text(before[name]):
                continue
            value = _read(f"{section}.{name}", text)
            if value != before[name] or type(value) is not type(before[name]):
                changes.setdefault(section, {})[name] = value
    known = {
        f"{section}.{name}" for section, kind in sections().items() for name in kind.model_fields
    }
    changed = {f"{section}.{name}" for section, values in changes.items() for name in values}
    return changes, sorted((set(reset) & known) - changed)


def differences(before: Effective, after: Effective) -> list[Difference]:
    """Return what is in force otherwise, or is decided elsewhere, in the order of the form."""
    found = []
    for section, kind in sections().items():
        old = getattr(before.config, section).model_dump(mode="json")
        new = getattr(after.config, section).model_dump(mode="json")
        for name in kind.model_fields:
            whole = f"{section}.{name}"
            was, comes = before.sources[whole], after.sources[whole]
            moved = was.partition(" ")[0] != comes.partition(" ")[0]
            if old[name] != new[name] or moved:
                found.append(
                    Difference(
                        field=whole,
                        before=as_text(old[name]),
                        before_source=was,
                        after=as_text(new[name]),
                        after_source=comes,
                    )
                )
    return found


def as_text(value: Any) -> str:
    """Return a value as the form has it; none is nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(name: str, text: str) -> Any:
    """Return what a text means; itself where that is no JSON, or the value is to be text."""
    section, _, field = name.partition(".")
    annotation = sections()[section].model_fields[field].annotation
    if annotation is str or get_origin(annotation) is Literal:
        return text
    text = text.strip()
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # What JSON has no word for.
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _choices(name: str) -> tuple[str, ...]:
    section, _, field = name.partition(".")
    annotation = sections()[section].model_fields[field].annotation
    if annotation is bool:
        return ("true", "false")
    if get_origin(annotation) is Literal:
        return tuple(getattr(annotation, "__args__", ()))
    return ()
