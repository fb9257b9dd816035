"""Makes an access token and prints it once."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from perfsite.models import AccessToken, Scope

DEFAULT_SCOPES = [Scope.ENRICH_RUN, Scope.ENRICH_READ]


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
        if options["days"] < 1:
            raise CommandError("--days must be 1 or more", returncode=2)
        scopes = sorted({scope for group in options["scope"] or [] for scope in group})
        user, made = get_user_model().objects.get_or_create(username=options["name"])
        if made:
            user.set_unusable_password()
            user.save()
        elif user.has_usable_password():
            raise CommandError(f"{options['name']} is a person's account; take another name")
        _, token = AccessToken.objects.create(
            user=user,
            expiry=timedelta(days=options["days"]),
            name=options["name"],
            scopes=scopes or list(DEFAULT_SCOPES),
            owner=options["owner"],
        )
        if options["json"]:
            self.stdout.write(json.dumps({"token": token, "scopes": scopes or DEFAULT_SCOPES}))
        else:
            self.stderr.write("Keep this token; it is not shown again:")
            self.stdout.write(token)
