"""Sets Django up for a program that is not Perfsite's own: imported before anything of the apps."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfsite.settings")
django.setup()
