"""The enrichment's errors.

EnrichmentError
├── InvalidSubmission     a reflection that can't be accepted; names the field
├── InvalidImage          a file that is no image that can be accepted
├── NotCached             only a cached answer was wanted, and there is none
├── Busy                  no room now for what is asked; says when to ask again
└── InferenceError        no usable answer from the model's host
    ├── HostUnreachable   no connection could be made            (retryable)
    ├── HostBrokeOff      reset or timed out after it took the request
    ├── HostBusy          429, 502 or 503                        (retryable)
    ├── CircuitOpen       the host failed too often of late; it was not asked
    ├── HostFailed        any other error status, or an error in its reply
    ├── QuestionRefused   400: the host can't make anything of the question  (no outage)
    ├── ModelMissing      the host has no such model
    ├── ModelCannotSee    an image for a model that takes text alone         (no outage)
    └── InvalidReply      an answer that is not what was asked for; keeps the raw reply
                                                                         (no outage)

After an outage it is worth asking again some day.

CallAborted               a call that we broke off ourselves: says nothing about its host
"""

from dataclasses import dataclass


class EnrichmentError(Exception):
    """Anything that this app raises on purpose."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with one field, and what is accepted."""

    field: str
    message: str


class InvalidSubmission(EnrichmentError):
    """A reflection that can't be accepted."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class InvalidImage(EnrichmentError):
    """A file that is no image that can be accepted; says what is."""


class NotCached(EnrichmentError):
    """Only a cached answer was wanted, and there is none."""


class Busy(EnrichmentError):
    """No room now for what is asked. retry_after: seconds until it is worth asking again."""

    def __init__(self, why: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"{why}; try again in {retry_after} seconds.")


class InferenceError(EnrichmentError):
    """No usable answer from the model's host."""

    outage = True


class HostUnreachable(InferenceError):
    """No connection could be made."""

    retryable = True


class HostBrokeOff(InferenceError):
    """Reset or timed out after the host took the request; it may still be at work on it."""


class HostBusy(InferenceError):
    """The host answered that it can't take the request now."""

    retryable = True


class CircuitOpen(InferenceError):
    """The host failed too often of late; it was not asked."""


class HostFailed(InferenceError):
    """The host answered with an error."""


class QuestionRefused(InferenceError):
    """The host can't make anything of the question."""

    outage = False


class ModelMissing(InferenceError):
    """The host has no such model, or no model at all."""


class ModelCannotSee(InferenceError):
    """An image for a model that takes text alone; nothing of it was sent."""

    outage = False


class InvalidReply(InferenceError):
    """An answer that is not what was asked for.

    raw: what the model wrote, kept for diagnosis; it may echo a reflection, so it is never logged.
    """

    outage = False

    def __init__(self, message: str, raw: str = "") -> None:
        self.raw = raw
        super().__init__(message)


class CallAborted(BaseException):
    """We broke a call off. No Exception: nobody is to answer it with a fallback, or pass it on to
    others who wait for the same answer.
    """
