"""Makes, lists and revokes access tokens. The command and the API call the same functions.

TokenError
├── InvalidToken      a field is wrong; says which and what is accepted
└── NotAllowed        whoever asks may not give away so much
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cachestats.commits import take_turns
from cachestats.errors import FieldError, FieldsInvalid
from enrichment.submission import OWNER
from perfsite.access import MAKE_FOR_OTHERS, may_give
from perfsite.models import AccessToken, Scope

# What anybody who can sign in may give away, and what a web app's server may: their own work.
PERSONAL_SCOPES = (Scope.ENRICH_RUN, Scope.ENRICH_READ)
MAX_LIFETIME = timedelta(days=3650)
# Of people who make tokens for themselves alone.
MAX_PERSONAL_LIFETIME = timedelta(days=365)
MAX_PERSONAL = 100
USUAL_LIFETIME = timedelta(days=90)
# A browser's token is soon worthless to who gets hold of it.
ISSUED_LIFETIME = timedelta(hours=1)
# So long the list shows that a token has expired.
SHOWN_AFTER_END = timedelta(days=7)
# Permissions to reach tokens that are not one's own.
LIST_ALL = "perfsite.view_accesstoken"
REVOKE_ALL = "perfsite.delete_accesstoken"
ONE_LINE = "1 to 150 characters on one line"


class TokenError(Exception):
    """A token that is not made."""


class InvalidToken(FieldsInvalid, TokenError):
    """A field of a token is wrong."""


class NotAllowed(TokenError):
    """Whoever asks may not give away so much."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A token to be made.

    owner: the owner that it is bound to, "" for none, None for a person's own token.
    lifetime: how long from now; None for the usual.
    """

    name: str
    scopes: Sequence[str]
    owner: str | None = ""
    lifetime: timedelta | None = None


def make(
    wanted: Wanted, *, user: User, issuer: AccessToken | None = None, service: bool = False
) -> tuple[AccessToken, str]:
    """Make a token that works at once; return it, and the secret that nobody can read again.

    Args:
        issuer: the token that makes it; it lives no longer than that.
        service: it keeps its scopes whatever its user may. So is what a service's token issues.

    Raises:
        InvalidToken: names each wrong field and what is accepted.
    """
    lifetime = wanted.lifetime or (ISSUED_LIFETIME if issuer else USUAL_LIFETIME)
    _check(wanted, lifetime)
    now = timezone.now()
    if issuer and issuer.expiry:
        lifetime = min(lifetime, issuer.expiry - now)
    with transaction.atomic():
        outdated(now).delete()
        token, secret = AccessToken.objects.create(
            user=user,
            expiry=lifetime,
            name=wanted.name,
            scopes=[str(scope) for scope in wanted.scopes],
            owner=wanted.owner,
            issuer=issuer,
            service=service or (issuer is not None and issuer.service),
        )
    return token, secret


def outdated(now: datetime) -> QuerySet[AccessToken]:
    """Return tokens that have expired for so long that no list shows them any more."""
    expired: QuerySet[AccessToken] = AccessToken.objects.filter(expiry__lt=now - SHOWN_AFTER_END)
    return expired


def make_for(
    user: User, wanted: Wanted, *, issuer: AccessToken | None = None
) -> tuple[AccessToken, str]:
    """Make a token as far as whoever asks may.

    Nobody gives away more than they have: people make tokens that do what they may do themselves,
    and only with permission such as reach others. A token of the scope token:issue makes
    short-lived ones, each bound to an owner.

    Args:
        issuer: the token that asks; None for a person who is signed in.

    Raises:
        InvalidToken: as `make`.
        NotAllowed: says what may be given.
    """
    mine = {user.get_username(), None}
    if issuer:
        _check_issue(wanted, issuer)
        if issuer.owner is None:
            wanted = replace(wanted, owner=None)
        return make(wanted, user=user, issuer=issuer)
    for_others = user.has_perm(MAKE_FOR_OTHERS)
    if wanted.owner in mine or not (wanted.owner or for_others):
        wanted = replace(wanted, owner=None)
    if wanted.owner and not for_others:
        raise NotAllowed("owner must be your own name, or left out.")
    to_owner = bool(wanted.owner)
    _allow_scopes(wanted, [one for one in Scope if may_give(user, one, to_owner=to_owner)])
    with transaction.atomic():
        if not for_others:
            take_turns(f"tokens of {user.pk}")
            _allow_lifetime(wanted)
            _allow_another(user)
        return make(wanted, user=user)


def tokens_of(
    user: User, issuer: AccessToken | None = None, permission: str = LIST_ALL
) -> QuerySet[AccessToken]:
    """Return a person's own tokens, with a permission everybody's; or those that a token issued."""
    tokens: QuerySet[AccessToken] = AccessToken.objects.select_related("user")
    if issuer:
        return tokens.filter(issuer=issuer)
    return tokens if user.has_perm(permission) else tokens.filter(user=user)


def revoke(tokens: QuerySet[AccessToken], public_id: UUID) -> bool:
    """Delete one of these tokens and all that it issued, at once for all processes.

    Returns False where it is none of them.
    """
    deleted, _ = tokens.filter(public_id=public_id).delete()
    return bool(deleted)


def is_line(text: str) -> bool:
    """Return whether a text can be a name or an owner: 1 to 150 characters on one line."""
    # Half of a surrogate pair, as a command's argument may hold, can't be written.
    return bool(OWNER.fullmatch(text)) and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _check(wanted: Wanted, lifetime: timedelta) -> None:
    errors = []
    if not is_line(wanted.name):
        errors.append(FieldError(field="name", message=f"must be {ONE_LINE}"))
    if not wanted.scopes or set(wanted.scopes) - set(Scope.values):
        accepted = f"must be one or more of: {', '.join(Scope.values)}"
        errors.append(FieldError(field="scopes", message=accepted))
    if wanted.owner and not is_line(wanted.owner):
        errors.append(FieldError(field="owner", message=f"must be {ONE_LINE}"))
    if not timedelta(0) < lifetime <= MAX_LIFETIME:
        message = f"must be more than nothing and at most {MAX_LIFETIME.days} days"
        errors.append(FieldError(field="lifetime", message=message))
    if errors:
        raise InvalidToken(errors)


def _check_issue(wanted: Wanted, issuer: AccessToken) -> None:
    """Hold a wish against what a token of the scope token:issue may give."""
    _allow_scopes(wanted, [scope for scope in PERSONAL_SCOPES if scope in issuer.scopes])
    if not wanted.owner:
        raise NotAllowed("This token makes tokens that are bound to an owner; name one.")
    if issuer.bound_to not in {"", wanted.owner}:
        raise NotAllowed("owner must be the one that this token is bound to.")
    if wanted.lifetime and wanted.lifetime > ISSUED_LIFETIME:
        seconds = int(ISSUED_LIFETIME.total_seconds())
        raise NotAllowed(f"This token makes tokens that live {seconds:,} seconds at most.")


def _allow_lifetime(wanted: Wanted) -> None:
    if wanted.lifetime and wanted.lifetime > MAX_PERSONAL_LIFETIME:
        raise NotAllowed(f"Your tokens live {MAX_PERSONAL_LIFETIME.days} days at most.")


def _allow_another(user: User) -> None:
    live = AccessToken.objects.filter(user=user).exclude(expiry__lte=timezone.now())
    if live.count() >= MAX_PERSONAL:
        raise NotAllowed(f"You have {MAX_PERSONAL} tokens, the most; revoke one first.")


def _allow_scopes(wanted: Wanted, allowed: Sequence[str]) -> None:
    if beyond := sorted(set(wanted.scopes) & set(Scope.values) - set(allowed)):
        given = f"you may give {' and '.join(allowed)}" if allowed else "you may give none"
        raise NotAllowed(f"scopes: {given}, not {', '.join(beyond)}.")
