"""The site: settings, URLs, access, pages that need both apps, and the process that runs it all."""
