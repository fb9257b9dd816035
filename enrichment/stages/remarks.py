"""What a reflection's context says, in plain sentences. Pure.

Only what stands out is said, and no end of a scale is called better than the other.
"""

from enrichment.stages.analytics import Context

# Two such days are soon together by chance.
LEANING_DAYS = 3
# Two of three reflections lie within one standard deviation.
FAR_FROM_USUAL = 1.0
# Two weeks of daily reflections with a spread of 0.2 differ by so much from chance alone.
CHANGED_WEEK = 0.1
ORDINALS = (
    *("First", "Second", "Third", "Fourth", "Fifth"),
    *("Sixth", "Seventh", "Eighth", "Ninth", "Tenth"),
)
NUMBERS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten")


def remarks(context: Context) -> tuple[str, ...]:
    """Return up to four sentences: streaks, distance from the usual, and the week's change.

    Empty where history is too short, or nothing stands out.
    """
    said = (
        _writing(context.streaks.writing_days),
        _leaning(context.streaks.pleasant_days, "pleasant"),
        _leaning(context.streaks.unpleasant_days, "unpleasant"),
        _beside_usual(context),
        _beside_last_week(context),
    )
    return tuple(sentence for sentence in said if sentence)


def _writing(days: int) -> str:
    if days < 2:
        return ""
    if days <= len(ORDINALS):
        return f"{ORDINALS[days - 1]} day in a row."
    return f"{days} days in a row."


def _leaning(days: int, side: str) -> str:
    if days < LEANING_DAYS:
        return ""
    number = days - LEANING_DAYS
    return f"The last {NUMBERS[number] if number < len(NUMBERS) else days} days leaned {side}."


def _beside_usual(context: Context) -> str:
    if context.baseline is None:
        return ""
    usual = context.baseline
    words = _compared(usual.valence.deviation, usual.arousal.deviation, FAR_FROM_USUAL)
    return f"{words.capitalize()} than usual." if words else ""


def _beside_last_week(context: Context) -> str:
    if context.week_over_week is None:
        return ""
    change = context.week_over_week
    words = _compared(change.valence, change.arousal, CHANGED_WEEK)
    return f"The last seven days were {words} than the seven before." if words else ""


def _compared(valence: float | None, arousal: float | None, far: float) -> str:
    """Return one or two comparatives for what lies at least so far off; empty for neither."""
    words = []
    if valence is not None and abs(valence) >= far:
        words.append("brighter" if valence > 0 else "heavier")
    if arousal is not None and abs(arousal) >= far:
        words.append("more activated" if arousal > 0 else "calmer")
    return " and ".join(words)
