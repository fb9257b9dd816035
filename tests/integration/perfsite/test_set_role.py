"""Groups: made by the migration, given by a command."""

from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.db import connections

from perfsite.roles import ROLES, make_groups, permissions_of
from tests.databases import leading_to

pytestmark = pytest.mark.usefixtures("databases")


def given(role: str) -> set[str]:
    held = Permission.objects.filter(group__name=role)
    return {f"{one.content_type.app_label}.{one.codename}" for one in held}


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("set_role", *arguments, stdout=out)
    return out.getvalue()


def test_fresh_database_has_the_groups(tmp_path: Path) -> None:
    """Also where no permission was there yet when the migration ran."""
    with leading_to(f"sqlite:///{tmp_path / 'fresh.sqlite3'}", "default"):
        call_command("migrate", verbosity=0)
        for role in ROLES:
            assert given(role) == set(permissions_of(role))


def test_groups_hold_more_from_one_to_the_next() -> None:
    """A viewer acts nowhere and reads nobody's text; only an admin does."""
    make_groups(apps)
    viewer, operator, admin = (given(role) for role in ROLES)
    assert viewer < operator < admin
    assert all(name.partition(".")[2].startswith("view_") for name in viewer)
    about_people = {"enrichment.view_text", "enrichment.view_reflection", "auth.view_user"}
    assert not about_people & operator
    assert about_people <= admin


def test_role_gives_no_group_back_what_was_taken_from_it() -> None:
    """Nor takes away what somebody gave it; a group that is missing is made."""
    User.objects.create_user("ada")
    make_groups(apps)
    Group.objects.get(name="admin").delete()
    Group.objects.get(name="viewer").permissions.set([Permission.objects.get(codename="view_text")])
    said("ada", "viewer")
    assert given("viewer") == {"enrichment.view_text"}
    assert given("admin") == set(permissions_of("admin"))


def test_staff_of_before_gain_no_words_nor_accounts() -> None:
    """What `is_staff` opened goes on; nobody else gets anything."""
    chief = User.objects.create_user("chief", is_staff=True)
    ada = User.objects.create_user("ada")
    make_groups(apps)
    migration = import_module("perfsite.migrations.0003_roles")
    with connections["default"].schema_editor() as editor:
        migration.keep_what_staff_could_do(apps, editor)
    assert chief.get_all_permissions() == {
        *permissions_of("operator"),
        "cachestats.add_configrevision",
        "perfsite.view_accesstoken",
        "perfsite.add_accesstoken",
        "perfsite.delete_accesstoken",
    }
    assert not ada.get_all_permissions()


def test_role_is_one_of_three() -> None:
    """A new one takes the place of the last; other groups stay."""
    ada = User.objects.create_user("ada")
    own = Group.objects.create(name="our own")
    ada.groups.add(own)
    assert "ada is in operator now" in said("ada", "operator")
    said("ada", "viewer")
    assert {group.name for group in ada.groups.all()} == {"viewer", "our own"}
    said("ada", "none")
    assert list(ada.groups.all()) == [own]


def test_role_lets_into_the_admin_only_where_asked() -> None:
    """Entering it is a thing of its own."""
    User.objects.create_user("ada")
    said("ada", "viewer")
    assert not User.objects.get().is_staff
    said("ada", "viewer", "--admin-site")
    said("ada", "operator")
    assert User.objects.get().is_staff
    said("ada", "operator", "--no-admin-site")
    assert not User.objects.get().is_staff


def test_role_of_nobody_is_an_error() -> None:
    """A slip of the pen makes no account."""
    with pytest.raises(CommandError, match="Nobody signs in as bob"):
        said("bob", "viewer")
