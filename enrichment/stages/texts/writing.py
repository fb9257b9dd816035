"""The shape that every Stage 2 text has, whoever wrote it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A poem of three lines, three tips and a closing line, each of plain text."""

    poem: tuple[str, str, str]
    tips: tuple[str, str, str]
    closing_line: str

    def strings(self) -> tuple[str, ...]:
        """All seven strings in reading order."""
        return (*self.poem, *self.tips, self.closing_line)
