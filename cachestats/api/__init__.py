"""The cache's numbers and its purge over HTTP."""
