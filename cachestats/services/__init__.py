"""What changes the cache from outside a look-up: purge, upkeep, revisions; and what it has lost.

Command, API, admin and schedule call these, so that they cannot differ.
"""

from django.db import DatabaseError

from cachestats.services.history import EntryLife, LostEntry, entry_lives, lost_entries
from cachestats.services.purge import (
    ENTRY_KEY,
    PurgeFilter,
    PurgePreview,
    PurgeResult,
    TypePurgePreview,
    forget_entries,
    forget_failures,
    preview_purge,
    preview_purge_entries,
    purge,
    purge_entries,
    purge_entry,
)
from cachestats.services.removal import checkpoint
from cachestats.services.revisions import (
    REASON_CHARACTERS,
    ConfigPreview,
    change_config,
    check_overlay,
    preview_config_change,
    preview_config_restore,
    restore_revision,
    save_revision,
    undo_revision,
)
from cachestats.services.transfer import (
    ImportResult,
    check_lines,
    export_entries,
    import_entries,
)
from cachestats.services.upkeep import (
    count_bytes,
    count_entries,
    count_up,
    evict,
    expire,
    relist,
    sweep,
)
from cachestats.services.values import StoredValue, replace_value, stored_value

# What a cache file that is missing, locked or damaged makes Django raise; a damaged schema is no
# text any more.
UNUSABLE = (DatabaseError, UnicodeDecodeError)

__all__ = [
    "ENTRY_KEY",
    "REASON_CHARACTERS",
    "UNUSABLE",
    "ConfigPreview",
    "EntryLife",
    "ImportResult",
    "LostEntry",
    "PurgeFilter",
    "PurgePreview",
    "PurgeResult",
    "StoredValue",
    "TypePurgePreview",
    "change_config",
    "check_lines",
    "check_overlay",
    "checkpoint",
    "count_bytes",
    "count_entries",
    "count_up",
    "entry_lives",
    "evict",
    "expire",
    "export_entries",
    "forget_entries",
    "forget_failures",
    "import_entries",
    "lost_entries",
    "preview_config_change",
    "preview_config_restore",
    "preview_purge",
    "preview_purge_entries",
    "purge",
    "purge_entries",
    "purge_entry",
    "relist",
    "replace_value",
    "restore_revision",
    "save_revision",
    "stored_value",
    "sweep",
    "undo_revision",
]
