"""The ranges of time that pictures show, and the even steps that each is drawn in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Even steps of time. Each begins at a whole multiple of its length since 1970, UTC, so that
    the same step is the same whenever it is looked at; the last one is still going on.
    """

    since: datetime
    step: timedelta
    steps: int

    @property
    def until(self) -> datetime:
        """When the last step ends."""
        return self.since + self.steps * self.step

    @property
    def starts(self) -> list[datetime]:
        """When each step begins."""
        return [self.since + number * self.step for number in range(self.steps)]

    def place(self, at: datetime) -> int | None:
        """Return the number of the step that an instant lies in; None where it lies in none."""
        number = (at - self.since) // self.step
        return number if 0 <= number < self.steps else None


@dataclass(frozen=True, kw_only=True)
class Range:
    """A range that people pick: its name in addresses, its length and the step to draw it in."""

    name: str
    title: str
    length: timedelta
    step: timedelta

    def grid(self, now: datetime) -> Grid:
        """Return the steps that cover the range and end with the one that is going on."""
        seconds = self.step.total_seconds()
        last = now.timestamp() // seconds * seconds
        steps = round(self.length / self.step)
        since = datetime.fromtimestamp(last, now.tzinfo) - (steps - 1) * self.step
        return Grid(since=since, step=self.step, steps=steps)


RANGES = {
    found.name: found
    for found in (
        Range(name="1h", title="1 hour", length=HOUR, step=MINUTE),
        Range(name="24h", title="24 hours", length=DAY, step=15 * MINUTE),
        Range(name="7d", title="7 days", length=7 * DAY, step=2 * HOUR),
        Range(name="30d", title="30 days", length=30 * DAY, step=6 * HOUR),
    )
}
DEFAULT_RANGE = RANGES["24h"]
