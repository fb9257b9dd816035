"""What addresses of pictures ask for: a range of time, and the numbers as a file."""

import csv
import io
from datetime import UTC, datetime

from django.http import HttpResponse

from cachestats.errors import FieldError, InvalidWindow
from cachestats.pictures import Picture
from cachestats.spans import DEFAULT_RANGE, RANGES, Range

# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read_range(written: str | None) -> Range:
    """Return the range of a name; the usual one for None.

    Raises:
        InvalidWindow: there is none of that name.
    """
    if written is None:
        return DEFAULT_RANGE
    if written not in RANGES:
        accepted = f"must be one of {', '.join(RANGES)}"
        raise InvalidWindow([FieldError(field="range", message=accepted)])
    return RANGES[written]


def as_csv(picture: Picture, span: Range) -> HttpResponse:
    """Return a picture's numbers as a file to keep, named after it, the range and the moment."""
    written = io.StringIO()
    rows = csv.writer(written)
    # Names of models and hosts come from elsewhere.
    rows.writerow(f"'{name}" if name.startswith(FORMULA) else name for name in picture.header())
    rows.writerows(picture.rows())
    file = f"perfsite-{picture.name}-{span.name}-{datetime.now(UTC):%Y%m%dT%H%MZ}.csv"
    return HttpResponse(
        written.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
