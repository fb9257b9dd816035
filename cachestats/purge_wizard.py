"""A purge in steps: what matches is counted first, and deleted once somebody confirms the count.

What was stored meanwhile and matches goes too, as long as it is no more than ten entries or a
tenth of the count; beyond that it is counted again. Between the steps nothing is kept here: filter
and count travel through the page, under a seal, which opens once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.core import signing
from django.utils import timezone

from cachestats import services
from cachestats.audits import in_words, is_done_since
from cachestats.errors import CacheError
from cachestats.services import PurgeFilter, PurgePreview, PurgeResult

SALT = "cachestats.purge"
VALID_SECONDS = 3_600
WORD = "purge"
TEXTS = ("type", "model", "key", "older_than")
SWITCHES = ("expired", "all")
# The count may have grown by so much, or by a tenth, since it was shown.
GROWTH = 10


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a purge would delete, in words and numbers. seal: for `carry_out`."""

    asked: str
    found: PurgePreview
    seal: str


class InvalidSeal(CacheError):
    """The seal is not ours, not this person's, too old, or was used."""


class NotConfirmed(CacheError):
    """What was typed does not confirm the purge. dry_run: what it would delete now."""

    def __init__(self, dry_run: DryRun, message: str) -> None:
        self.dry_run = dry_run
        super().__init__(message)


class Grown(NotConfirmed):
    """Much more matches than was counted."""


def read_filter(given: Mapping[str, str]) -> PurgeFilter:
    """Return the filter that a form's fields make; what is empty is not asked for.

    Raises:
        InvalidFilter: names each wrong field and what is accepted.
    """
    texts = {name: given.get(name, "").strip() or None for name in TEXTS}
    if texts["key"]:
        # As lists and logs show it: "stage1:AB12CD34".
        texts["key"] = texts["key"].rpartition(":")[2].lower()
    switches = {name: bool(given.get(name)) for name in SWITCHES}
    return PurgeFilter(
        type=texts["type"],
        model=texts["model"],
        key=texts["key"],
        older_than=texts["older_than"],
        expired=switches["expired"],
        all=switches["all"],
    )


def dry_run(filters: PurgeFilter, user_id: int) -> DryRun:
    """Count what matches and seal it for one person."""
    found = services.preview_purge(filters)
    sealed = {
        "filters": asdict(filters),
        "matched": found.matched,
        "user": user_id,
        "at": timezone.now().isoformat(),
    }
    return DryRun(
        asked=in_words(filters.given()), found=found, seal=signing.dumps(sealed, salt=SALT)
    )


def carry_out(seal: str, typed: str, user_id: int, actor: str) -> PurgeResult:
    """Purge what was counted, if the person typed how many entries that is, or "purge".

    Raises:
        InvalidSeal: nothing is known of what was counted; it has to be counted again.
        NotConfirmed: something else was typed.
        Grown: by now more would go than the person knows of.
    """
    try:
        sealed = signing.loads(seal, salt=SALT, max_age=VALID_SECONDS)
    except signing.BadSignature as exc:
        raise InvalidSeal("This was counted too long ago, or was changed. Count again.") from exc
    if sealed["user"] != user_id:
        raise InvalidSeal("Somebody else counted this. Count again.")
    filters, matched = PurgeFilter(**sealed["filters"]), sealed["matched"]
    if is_done_since(datetime.fromisoformat(sealed["at"]), actor, filters.given()):
        raise InvalidSeal("You have purged this since it was counted. Count again.")
    if not _confirms(typed, matched):
        message = f"Type {matched} or the word {WORD} to confirm; nothing was deleted."
        raise NotConfirmed(dry_run(filters, user_id), message)
    now = dry_run(filters, user_id)
    if now.found.matched > matched + max(GROWTH, matched // 10):
        message = f"{matched:,} entries matched before, {now.found.matched:,} do now."
        raise Grown(now, f"{message} Nothing was deleted; look again and confirm.")
    return services.purge(filters, actor)


def _confirms(typed: str, matched: int) -> bool:
    words = typed.strip().lower()
    return words == WORD or words.replace(",", "").replace(" ", "") == str(matched)
