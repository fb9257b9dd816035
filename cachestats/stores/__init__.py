"""Rows in and out, nothing else: the hot path."""

from cachestats.stores.postgres import PostgresStore
from cachestats.stores.rows import FailedFlight, Found, History, Put, Row, Store, Use
from cachestats.stores.sqlite import SqliteStore

__all__ = [
    "FailedFlight",
    "Found",
    "History",
    "PostgresStore",
    "Put",
    "Row",
    "SqliteStore",
    "Store",
    "Use",
]
