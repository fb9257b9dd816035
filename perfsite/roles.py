"""Who may see and do what: three groups of permissions, each with all of the one before.

A viewer sees how the site does: numbers, lists, settings. No group but admin sees anybody else's
reflections, nor whose they are. The queue's own schedules and the groups stay with superusers: a
schedule runs any function, and who could edit a group could give themselves everything.
"""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
# What each group has beside those before it, in words that go on after "the permission to ...".
ADDED = {
    VIEWER: {
        "cachestats.view_cacheentry": "see what is cached",
        "cachestats.view_entryuse": "see how cached answers are used",
        "cachestats.view_entrytotal": "see how much is cached",
        "cachestats.view_lookupbatch": "see the cache’s look-ups",
        "cachestats.view_lookupspan": "see the cache’s look-ups over time",
        "cachestats.view_audit": "see who purged what",
        "cachestats.view_configrevision": "see the configuration",
        "enrichment.view_job": "see the jobs",
        "enrichment.view_inferencecall": "see the models and the calls to them",
        "enrichment.view_tuningrun": "see what tuning measured",
        "enrichment.view_warmup": "see warm-ups of the cache",
    },
    OPERATOR: {
        "cachestats.delete_cacheentry": "purge the cache",
        "enrichment.change_job": "retry and cancel other people’s jobs",
    },
    ADMIN: {
        "cachestats.add_configrevision": "change the configuration",
        "enrichment.view_text": "read other people’s reflections",
        "enrichment.view_reflection": "see the list of everybody’s reflections",
        "enrichment.view_stageresult": "see what was made of everybody’s reflections",
        "enrichment.delete_reflection": "delete other people’s reflections",
        "enrichment.view_webhookendpoint": "see who is told by webhooks",
        "enrichment.view_webhookdelivery": "see the messages of webhooks",
        "perfsite.view_accesstoken": "see everybody’s access tokens",
        "perfsite.add_accesstoken": "make access tokens for others",
        "perfsite.delete_accesstoken": "revoke everybody’s access tokens",
        "auth.view_user": "see the accounts",
        "auth.add_user": "make accounts",
        "auth.change_user": "change accounts",
        "auth.view_group": "see the groups",
    },
}
ROLES = tuple(ADDED)
WORDS = {name: words for added in ADDED.values() for name, words in added.items()}


def permissions_of(role: str) -> tuple[str, ...]:
    """Return all that a group may, as `app.codename`."""
    mine = ROLES[: ROLES.index(role) + 1]
    return tuple(name for each in mine for name in ADDED[each])


def role_with(permission: str) -> str | None:
    """Return the group that a permission comes with; None for what only superusers may."""
    return next((role for role, added in ADDED.items() if permission in added), None)


def make_groups(apps: Apps, using: str = "default") -> None:
    """Make the groups that are missing. One that is there stays as it is, whoever made it.

    Else what somebody took away from a group would come back. So a migration that makes a model
    whose permissions a group is to have gives them itself.

    Args:
        apps: the site's, or a migration's. There permissions may be missing still: Django makes
            them only after the last migration.
    """
    for label in sorted({name.partition(".")[0] for name in WORDS}):
        app = apps.get_app_config(label)
        # What stands for an app in a migration tells of no models, and would be passed over.
        vars(app).setdefault("models_module", True)
        create_permissions(app, verbosity=0, using=using, apps=apps)
    known = {
        f"{app_label}.{codename}": pk
        for app_label, codename, pk in apps.get_model("auth", "Permission")
        .objects.using(using)
        .values_list("content_type__app_label", "codename", "pk")
    }
    for role in ROLES:
        group, made = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role)
        if made:
            group.permissions.set([known[name] for name in permissions_of(role) if name in known])
