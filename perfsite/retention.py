"""By which rules rows of people's sessions, tokens and acts in the admin go by themselves."""

from datetime import timedelta

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from cachestats.retention import Rule, days, deletion, older
from perfsite import tokens
from perfsite.models import AccessToken


def rules() -> list[Rule]:
    """Return them."""
    found = [
        deletion(Session, "expired", lambda now: Session.objects.filter(expire_date__lt=now)),
        deletion(
            AccessToken,
            f"expired for {tokens.SHOWN_AFTER_END.days} days",
            tokens.outdated,
        ),
    ]
    if kept := settings.HISTORY_KEPT_DAYS:
        found.append(
            deletion(
                LogEntry,
                days(kept),
                lambda now: older(LogEntry, "action_time", now - timedelta(days=kept)),
            )
        )
    return found
