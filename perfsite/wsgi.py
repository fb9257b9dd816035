"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfsite.settings")

application = get_wsgi_application()

# Models can be imported only now; and from here on this process forks no more.
from cachestats.cache import get_cache  # noqa: E402

get_cache().start_flushing()
