"""Makes an access token and prints it once."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from perfsite import tokens
from perfsite.models import Scope

MAX_DAYS = tokens.MAX_LIFETIME.days


class Command(BaseCommand):
    """manage.py create_token"""

    help = "Make an API token, owned by a service user without a password. It is shown only once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the token and of its service user")
        parser.add_argument(
            "--scope",
            action="append",
            nargs="+",
            choices=Scope.values,
            help="what it may do (default: enrich:run enrich:read)",
        )
        parser.add_argument("--owner", default="", help="the only owner that it reaches")
        parser.add_argument("--days", type=int, default=90, help="how long it lives")
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        name, days = options["name"], options["days"]
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days must be 1 to {MAX_DAYS}", returncode=2)
        scopes = sorted({scope for group in options["scope"] or [] for scope in group})
        wanted = tokens.Wanted(
            name=name,
            scopes=scopes or tokens.PERSONAL_SCOPES,
            owner=options["owner"],
            lifetime=timedelta(days=days),
        )
        try:
            with transaction.atomic():
                made, secret = tokens.make(wanted, user=_service_user(name), service=True)
        except tokens.InvalidToken as exc:
            raise CommandError(f"--{exc}", returncode=2) from exc
        if options["json"]:
            self.stdout.write(json.dumps({"token": secret, "scopes": made.scopes}))
        else:
            self.stderr.write("Keep this token; it is not shown again:")
            self.stdout.write(secret)


def _service_user(name: str) -> User:
    """Return the service user of this name, made if need be; it can't sign in."""
    wanted = User(username=name)
    wanted.set_unusable_password()
    try:
        wanted.clean_fields()
    except ValidationError as exc:
        raise CommandError(
            "NAME must be 1 to 150 letters, digits and @ . + - _", returncode=2
        ) from exc
    user, made = User.objects.get_or_create(username=name, defaults={"password": wanted.password})
    if not made and user.has_usable_password():
        raise CommandError(f"{name} is a person's account; take another name")
    return user
