"""What requests and answers about tokens look like, for the API's description."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample
from pydantic import BaseModel, ConfigDict, Field

from enrichment.submission import OWNER
from perfsite.models import AccessToken, Scope
from perfsite.tokens import MAX_LIFETIME

MAX_DAYS = MAX_LIFETIME.days
MAX_SECONDS = int(MAX_LIFETIME.total_seconds())
LIFETIMES = ("days", "expires_in_seconds")


def _one_lifetime() -> dict[str, Any]:
    """Return the constraint that of the two ways to say how long, one is left out."""
    return {"anyOf": [{"properties": {name: {"type": "null"}}} for name in LIFETIMES]}


class TokenRequest(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_lifetime())

    name: str = Field(pattern=f"^{OWNER.pattern}$", description="What it is for.")
    scopes: list[Scope] = Field(min_length=1, description="What it may do.")
    owner: Annotated[str, Field(pattern=rf"^({OWNER.pattern})?$")] | None = Field(
        None,
        description="The only owner whose reflections it reaches. A person's is their own name; "
        "who may make tokens for others names any, or none; a token of the scope token:issue has "
        "to name one.",
    )
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(
        None, description="How long it lives; without either, 90 days, and an hour if a token asks."
    )
    expires_in_seconds: Annotated[int, Field(ge=1, le=MAX_SECONDS)] | None = Field(
        None, description="The same in seconds."
    )


class Token(BaseModel):
    """A token without its secret. id: a name for it; no part of the secret or its hash."""

    id: UUID
    name: str
    scopes: list[Scope]
    owner: str = Field(description="Empty for one that is bound to none.")
    user: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute; null before its first use.")


class NewToken(Token):
    """A token with its secret, which is shown in this answer alone."""

    token: str


class TokenPage(BaseModel):
    """A page of tokens, newest first. next: where the following page is."""

    next: str | None
    results: list[Token]


def as_token(token: AccessToken) -> dict[str, Any]:
    """Return what the API shows of a token."""
    return {
        "id": token.public_id,
        "name": token.name,
        "scopes": token.scopes,
        "owner": token.bound_to,
        "user": token.user.get_username(),
        "created_at": token.created,
        "expires_at": token.expiry,
        "last_used_at": token.last_used_at,
    }


TOKEN = {
    "id": "0d9f2c1e-3c52-4a6b-9a53-0f6d5b1f3f10",
    "name": "ada's browser",
    "scopes": ["enrich:run", "enrich:read"],
    "owner": "ada",
    "user": "web",
    "created_at": "2026-01-31T08:00:00Z",
    "expires_at": "2026-01-31T08:15:00Z",
    "last_used_at": None,
}
ISSUES = [
    OpenApiExample(
        "For one user's browser",
        value={
            "name": "ada's browser",
            "scopes": ["enrich:run", "enrich:read"],
            "owner": "ada",
            "expires_in_seconds": 900,
        },
        request_only=True,
    ),
    OpenApiExample(
        "Shown once", value={**TOKEN, "token": "7c0e..."}, response_only=True, status_codes=["201"]
    ),
]
PAGE = OpenApiExample("One token", value={"next": None, "results": [TOKEN]}, response_only=True)
