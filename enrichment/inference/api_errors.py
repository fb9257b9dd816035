"""What may become of a call to another API.

ApiError
├── ApiRequestInvalid   URL, header, body or deadline can't be used; nothing was sent
├── ApiUnreachable      no connection could be made; nothing was sent    (retryable)
├── ApiBrokeOff         reset, or silent for too long, after it may have taken the request  (*)
├── ApiTimedOut         the call's deadline passed                                          (*)
├── ApiReplyInvalid     an answer that can't be taken: too large, garbled, not JSON
├── ApiRedirected       3xx: it wants to be asked elsewhere
├── ApiRefused          4xx                                              (* where it is 429)
└── ApiFailed           5xx                              (* where it is 500, 502, 503 or 504)

(*) retryable where asking twice does no more than asking once: methods that are idempotent by
RFC 9110, 9.2.2, and whatever has an idempotency key.

Messages name method and URL, without its query and user info: these may hold secrets.
"""

from enrichment.errors import EnrichmentError


class ApiError(EnrichmentError):
    """No usable answer from another API.

    status: of the answer, None when there was none. retry_after_seconds: how long the API asks
    to wait, None when it does not say. retryable: the same call may be made again later.
    content: the answer's body, which is never logged; empty for who waited for another process.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        retryable: bool = False,
    ) -> None:
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.retryable = retryable
        self.content = b""
        # All of it, so that another process can make the same error of it.
        super().__init__(message, status, retry_after_seconds, retryable)

    def __str__(self) -> str:
        return str(self.args[0])


class ApiRequestInvalid(ApiError):
    """URL, header, body or deadline can't be used; nothing was sent."""


class ApiUnreachable(ApiError):
    """No connection could be made; nothing was sent."""


class ApiBrokeOff(ApiError):
    """Reset, or silent for too long, after it may have taken the request."""


class ApiTimedOut(ApiError):
    """The call's deadline passed; the API may still be at work on it."""


class ApiReplyInvalid(ApiError):
    """An answer that can't be taken: too large, garbled, or not JSON where JSON was asked for."""


class ApiRedirected(ApiError):
    """The API wants to be asked elsewhere; the message says where."""


class ApiRefused(ApiError):
    """The API won't answer this request (4xx)."""


class ApiFailed(ApiError):
    """The API could not answer (5xx)."""
