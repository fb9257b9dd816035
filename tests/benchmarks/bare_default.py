"""Settings of django-q2 by itself on SQLite as it comes: Django's defaults, and its own."""

from perfsite.databases import SQLITE
from perfsite.settings import DATABASES as TUNED
from perfsite.settings import LOGGING, SECRET_KEY, USE_TZ, WORKERS  # noqa: F401

INSTALLED_APPS = ["django_q"]
DATABASES = {"default": {"ENGINE": SQLITE, "NAME": TUNED["default"]["NAME"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
Q_CLUSTER = {"orm": "default", "workers": WORKERS}
