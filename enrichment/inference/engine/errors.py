"""What can go wrong between a client and the embedded model.

EngineError
├── RefusedError            the request can't be served: a status and a sentence
├── AbandonedError          nobody waits for the answer: the client left or the server ends
└── EngineUnavailableError  the model can't be loaded here

None of them is retryable as it stands.
"""


class EngineError(Exception):
    """Root of the family."""


class RefusedError(EngineError):
    """The answer is an error; `status` is the HTTP status that goes with the sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class AbandonedError(EngineError):
    """The work was dropped because its client has gone or the server is ending."""


class EngineUnavailableError(EngineError):
    """llama.cpp could not load the model; retrying won't help."""
