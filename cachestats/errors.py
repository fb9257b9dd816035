"""The cache's errors.

CacheError
├── InvalidKeyMaterial   content, params or cache type can't be made into a key
├── InvalidValue         the value is not JSON
├── InvalidConfig        the tuning file or a revision breaks its schema
│   └── InvalidTuningFile    it is the file
├── RevisionSuperseded   the configuration is no more what a change was meant for
├── InvalidFilter        a purge without a filter, or with one that can't be read
├── InvalidWindow        a length of time for a report that can't be read
├── InvalidTransfer      an exported file that can't be taken in; names the line
├── ComputationFailed    another process computed the same answer and failed
└── StoreUnavailable     the database file is missing, locked, corrupt ... (retryable)

A look-up never raises StoreUnavailable to its caller: a broken store is a miss.
"""

from dataclasses import dataclass


class CacheError(Exception):
    """Anything that this app raises on purpose."""

    retryable = False


class InvalidKeyMaterial(CacheError):
    """Content, params or cache type can't be made into a key."""


class InvalidValue(CacheError):
    """The value can't come back as it went in, because it is not JSON."""


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with one field, and what is accepted."""

    field: str
    message: str


class FieldsInvalid(CacheError):
    """Bad input, told field by field."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class InvalidConfig(FieldsInvalid):
    """The tuning file or a revision breaks its schema."""


class InvalidTuningFile(InvalidConfig):
    """The tuning file itself is wrong, whatever is to lie over it."""


class RevisionSuperseded(CacheError):
    """Somebody saved another revision since the one that a change was meant for."""


class InvalidFilter(FieldsInvalid):
    """A purge without a filter, or with one that can't be read."""


class InvalidWindow(FieldsInvalid):
    """A length of time for a report that can't be read or is not kept."""


class InvalidTransfer(CacheError):
    """An exported file that can't be taken in."""


class ComputationFailed(CacheError):
    """Another process computed the same answer and failed with an error unknown in this one."""


class StoreUnavailable(CacheError):
    """The store can't be read or written right now.

    damaged: waiting won't help; the file is broken, missing or has not our tables.
    """

    retryable = True

    def __init__(self, message: str, *, damaged: bool = False) -> None:
        self.damaged = damaged
        super().__init__(message)
