"""The site: settings, URLs, access, pages that need both apps, and the process that runs it all."""

__version__ = "1.0.0"
