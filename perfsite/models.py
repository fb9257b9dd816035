"""Access tokens: hashed, named, scoped, expiring."""

import uuid

from django.contrib.auth.models import User
from django.db import models
from knox.models import AbstractAuthToken


class Scope(models.TextChoices):
    """What a token may do."""

    ENRICH_RUN = "enrich:run"
    ENRICH_READ = "enrich:read"
    CACHE_READ = "cache:read"
    CACHE_PURGE = "cache:purge"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    # Make short-lived tokens, each for one owner, as a web app's server does for its users.
    TOKEN_ISSUE = "token:issue"  # noqa: S105  # a scope's name


class AccessToken(AbstractAuthToken):  # type: ignore[misc]  # knox is untyped
    """A token of the API. Only its hash is kept; the token itself is shown once.

    owner: the only owner whose reflections it reaches; "" for one that is bound to none; None for
    a person's own token, which reaches what that person reaches when signed in.
    issuer: the token that made it, which takes it along when it goes.
    service: made by `create_token`, or by such a token: nobody's permissions bound it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=150)
    scopes = models.JSONField(default=list)
    owner = models.CharField(  # noqa: DJ001  # unbound is not the same as somebody's own
        max_length=150,
        blank=True,
        null=True,
        default="",
        help_text="The only owner whose reflections it reaches",
    )
    issuer = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="issued"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    service = models.BooleanField(default=False, editable=False)

    class Meta:
        indexes = [
            # Lists are newest first; what expired long ago is found to be deleted.
            models.Index(fields=["created", "public_id"], name="token_created"),
            models.Index(fields=["expiry"], name="token_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.scopes)})"

    @property
    def bound_to(self) -> str:
        """The owner that it is bound to: a person's own name, or "" where it is bound to none."""
        if self.owner is None:
            user: User = self.user
            return user.get_username()
        return str(self.owner)
