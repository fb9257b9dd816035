"""What changes the cache from outside a look-up: purge, upkeep, revisions; and what it has lost.

Command, API, admin and schedule call these, so that they cannot differ.
"""

from django.db import DatabaseError

from cachestats.services.history import EntryLife, LostEntry, entry_lives, lost_entries
from cachestats.services.purge import (
    PurgeFilter,
    PurgeResult,
    forget_entry,
    forget_failures,
    purge,
    purge_entries,
)
from cachestats.services.removal import checkpoint
from cachestats.services.revisions import (
    change_config,
    check_overlay,
    restore_revision,
    save_revision,
)
from cachestats.services.transfer import (
    ImportResult,
    check_lines,
    export_entries,
    import_entries,
)
from cachestats.services.upkeep import count_bytes, count_entries, evict, expire, relist, sweep

# What a cache file that is missing, locked or damaged makes Django raise; a damaged schema is no
# text any more.
UNUSABLE = (DatabaseError, UnicodeDecodeError)

__all__ = [
    "UNUSABLE",
    "EntryLife",
    "ImportResult",
    "LostEntry",
    "PurgeFilter",
    "PurgeResult",
    "change_config",
    "check_lines",
    "check_overlay",
    "checkpoint",
    "count_bytes",
    "count_entries",
    "entry_lives",
    "evict",
    "expire",
    "export_entries",
    "forget_entry",
    "forget_failures",
    "import_entries",
    "lost_entries",
    "purge",
    "purge_entries",
    "relist",
    "restore_revision",
    "save_revision",
    "sweep",
]
