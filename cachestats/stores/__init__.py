"""Rows in and out, nothing else: the hot path."""

from cachestats.stores.rows import Row, Store, Use
from cachestats.stores.sqlite import SqliteStore

__all__ = ["Row", "SqliteStore", "Store", "Use"]
