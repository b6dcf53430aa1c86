"""`Origin`: where a thing in a program comes from, for errors, RTL names and reports."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The user's layer that a node computes, and the passes that touched it since.

    >>> str(Origin("fc1").through("share"))
    'fc1 (share)'
    """

    layer: str = ""
    passes: tuple[str, ...] = ()

    def through(self, name: str) -> Origin:
        """The same origin after one more pass (a pass that runs twice in a row counts once)."""
        if self.passes and self.passes[-1] == name:
            return self
        return Origin(self.layer, (*self.passes, name))

    def __str__(self) -> str:
        return f"{self.layer} ({', '.join(self.passes)})" if self.passes else self.layer
