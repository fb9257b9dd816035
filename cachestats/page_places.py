"""Where a page of rows begins that go by number, newest first."""

import re

from django.core.exceptions import BadRequest
from django.http import HttpRequest

GREATEST_NUMBER = 2**63 - 1
# Python refuses to read very many digits.
NUMBER = re.compile(r"[0-9]{1,19}")


def place_before(request: HttpRequest) -> int | None:
    """Return the number of the row that the page comes after; None: it begins with the newest.

    Raises:
        BadRequest: it is no such number.
    """
    text = request.GET.get("before", "")
    if not text:
        return None
    if not NUMBER.fullmatch(text) or int(text) > GREATEST_NUMBER:
        raise BadRequest("before must be that of a page's link")
    return int(text)
