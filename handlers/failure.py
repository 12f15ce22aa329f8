"""How an invocation fails: by a stable code and a message, and without a word of the inside.

Lambda answers whoever invoked with an exception's class, text and stack trace. For one class of its runtime client it
takes all three as they are given: that class is raised here, without a trace.
"""

from __future__ import annotations

try:
    from awslambdaric.lambda_runtime_exception import FaultException
except ImportError:  # no runtime client: tests on a system that it does not run on

    class FaultException(Exception):  # type: ignore[no-redef]  # noqa: N818
        """In its place."""

        def __init__(self, exception_type: str, msg: str) -> None:
            self.exception_type, self.msg = exception_type, msg


class InvocationError(FaultException):  # type: ignore[misc]
    """An invocation that fails: Lambda reports `code` as its errorType, `message` as its errorMessage."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)

    @property
    def code(self) -> str:
        """The stable code."""
        return str(self.exception_type)

    def __str__(self) -> str:
        return f"{self.exception_type}: {self.msg}"
