"""One family of errors: each says where, what, why, and what to do now."""

from __future__ import annotations

__all__ = [
    "BitwrightError",
    "ConfigError",
    "Inexact",
    "InvalidModel",
    "InvalidProgram",
    "InvalidValue",
    "Mismatch",
    "ParseError",
    "StorageError",
    "ToolFailed",
    "ToolMissing",
    "ToolTimeout",
    "Unsupported",
]


class BitwrightError(Exception):
    """Base of every error that bitwright raises on purpose.

    `what` is the fact, `where` names the layer, file or option, `why` gives the reason and
    `remedy` the way out. The message reads as one sentence and ends with `try: <remedy>`.

    >>> print(BitwrightError("no input quantizer", where="layer 'fc1'", remedy="add bw.QActivation"))
    layer 'fc1': no input quantizer
    try: add bw.QActivation
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        reason = f" ({self.why})" if self.why else ""
        advice = f"\ntry: {self.remedy}" if self.remedy else ""
        return head + reason + advice

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.why, self.remedy)


def _rebuild(
    kind: type[BitwrightError], what: str, where: str, why: str, remedy: str, *log: str
) -> BitwrightError:
    more = {"log": log[0]} if log else {}
    return kind(what, where=where, why=why, remedy=remedy, **more)


class Unsupported(BitwrightError):
    """A table was asked for a rule that it does not have, or a layer for what it cannot do."""


class InvalidValue(BitwrightError, ValueError):
    """An argument lies outside what is allowed."""


class InvalidModel(BitwrightError):
    """The model cannot be read, or holds something that hardware cannot mean (NaN weights)."""


class InvalidProgram(BitwrightError):
    """A program of the compiler breaks one of its own rules."""


class Inexact(BitwrightError):
    """Exactness cannot be proved here; nothing is approximated silently."""


class Mismatch(BitwrightError):
    """Two levels that must agree bit for bit do not."""


class ParseError(BitwrightError, ValueError):
    """A text does not follow its grammar."""


class ConfigError(BitwrightError):
    """An option is unknown or its value has the wrong kind."""


class StorageError(BitwrightError):
    """A file cannot be written or read (disk full, no permission, outside the output folder)."""


class ToolMissing(BitwrightError):
    """An external tool is not installed."""


class ToolFailed(BitwrightError):
    """An external tool ended with an error; `log` holds the tail of what it printed."""

    def __init__(
        self, what: str, *, where: str = "", why: str = "", remedy: str = "", log: str = ""
    ) -> None:
        self.log = log
        super().__init__(what, where=where, why=why, remedy=remedy)

    def __str__(self) -> str:
        tail = "".join(f"\n  | {line}" for line in self.log.splitlines()[-15:])
        head, separator, advice = super().__str__().partition("\ntry: ")
        return head + tail + separator + advice

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.why, self.remedy, self.log)


class ToolTimeout(ToolFailed):
    """An external tool did not finish within its time."""
