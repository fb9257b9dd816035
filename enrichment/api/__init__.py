"""Reflections over HTTP."""
