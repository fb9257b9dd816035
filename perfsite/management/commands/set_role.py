"""Puts a person into one of the groups, and out of the others."""

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from perfsite.roles import ROLES, make_groups

NONE = "none"


class Command(BaseCommand):
    """manage.py set_role"""

    help = "Say what a person may see and do. Whatever other groups they are in, they stay in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="by which the person signs in")
        parser.add_argument("role", choices=[*ROLES, NONE])
        entry = parser.add_mutually_exclusive_group()
        entry.add_argument("--admin-site", action="store_true", help="let them into /admin/")
        entry.add_argument("--no-admin-site", action="store_true", help="keep them out of it")

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        name, role = options["name"], options["role"]
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"Nobody signs in as {name}.")
        # Also where somebody deleted one.
        make_groups(apps)
        user.groups.remove(*Group.objects.filter(name__in=ROLES))
        if role != NONE:
            user.groups.add(Group.objects.get(name=role))
        if options["admin_site"] or options["no_admin_site"]:
            user.is_staff = options["admin_site"]
            user.save(update_fields=["is_staff"])
        where = "and may enter /admin/" if user.is_staff else "and may not enter /admin/"
        self.stdout.write(f"{name} is in {'no group' if role == NONE else role} now, {where}.")
