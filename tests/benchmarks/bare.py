"""Settings of django-q2 by itself: the site's queue, database and logging, and none of its apps."""

from perfsite.settings import (  # noqa: F401
    CACHES,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    LOGGING,
    Q_CLUSTER,
    SECRET_KEY,
    USE_TZ,
)

INSTALLED_APPS = ["django_q"]
