"""What a person picks on the list of reflections: the API's filters, by day and by words."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from enrichment.listing import UNDETERMINED
from enrichment.models import Status
from enrichment.models.jobs import FINISHED, UNFINISHED
from enrichment.stages.wheel import PLEASANT, PRIMARIES
from enrichment.submission import EARLIEST, LATEST
from enrichment.words import CACHE_WORDS, STATUS_WORDS

UNFINISHED_CHOICE = "unfinished"
STATUSES = [
    ("", "Any"),
    (UNFINISHED_CHOICE, "Waiting or at work"),
    *((status.value, STATUS_WORDS[status].capitalize()) for status in FINISHED),
]
CACHE_STATES = [("", "Any"), *((state, words.capitalize()) for state, words in CACHE_WORDS.items())]


def _side(side: str, *, pleasant: bool) -> tuple[str, list[tuple[str, str]]]:
    found = [primary for primary in PRIMARIES if (primary in PLEASANT) == pleasant]
    words = [(primary, primary.capitalize()) for primary in found]
    return side.capitalize(), [(side, f"All that is {side}"), *words]


FEELINGS = [
    ("", "Any"),
    _side("pleasant", pleasant=True),
    _side("unpleasant", pleasant=False),
    (UNDETERMINED, "No clear feeling"),
]


class DayInput(forms.DateInput):
    """A browser's own picker of days."""

    input_type = "date"


def _day(label: str) -> forms.DateField:
    told = f"must lie between the years {EARLIEST.year} and {LATEST.year}"
    return forms.DateField(
        label=label,
        required=False,
        widget=DayInput(format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        validators=[
            MinValueValidator(EARLIEST.date(), told),
            MaxValueValidator(LATEST.date(), told),
        ],
        error_messages={"invalid": "must be a day such as 2026-01-31"},
    )


class ReflectionFilter(forms.Form):
    """Filters of the list; what is left empty filters nothing."""

    status = forms.ChoiceField(label="Status", choices=STATUSES, required=False)
    feeling = forms.ChoiceField(label="Feeling", choices=FEELINGS, required=False)
    cache = forms.ChoiceField(label="Answers", choices=CACHE_STATES, required=False)
    since = _day("From")
    until = _day("Until")
    owner = forms.CharField(label="Owner", max_length=150, required=False)

    def __init__(self, *args: Any, with_owner: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        if not with_owner:
            del self.fields["owner"]

    def asked(self) -> Mapping[str, Any]:
        """Return what `listing.chosen` takes; fields that hold what is wrong ask for nothing."""
        given = {name: value for name, value in self.cleaned_data.items() if value}
        asked: dict[str, Any] = {name: given[name] for name in ("cache", "owner") if name in given}
        if status := given.get("status"):
            asked["status"] = UNFINISHED if status == UNFINISHED_CHOICE else (Status(status),)
        if feeling := given.get("feeling"):
            asked["feeling"] = (feeling,)
        if since := given.get("since"):
            asked["created_after"] = _midnight(since)
        if until := given.get("until"):
            asked["created_before"] = _midnight(until) + timedelta(days=1)
        return asked


def _midnight(day: date) -> datetime:
    """Return when a day begins; days of the list are days of UTC, whatever zone each row has."""
    return datetime.combine(day, time(), UTC)
