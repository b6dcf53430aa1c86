"""`Rules`: a table from op class to function, the only dispatch in the house."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Generic, ParamSpec, TypeVar

from bitwright.core.errors import Unsupported

__all__ = ["Rules"]

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Rules(Generic[P, R]):
    """One question, answered per op class.

    A rule is found along the op's class hierarchy; an op without a rule is refused with the
    nearest op that has one. Registering a class twice is a programming error.

    >>> area: Rules[[], int] = Rules("area")
    >>> @area.on(bool)
    ... def _(op: bool) -> int:
    ...     return 1
    >>> area(True)
    1
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self._table: dict[type, Callable[..., R]] = {}

    def on(self, *kinds: type) -> Callable[[F], F]:
        """Register the decorated function as the rule for each class in `kinds`."""

        def register(rule: F) -> F:
            for kind in kinds:
                if kind in self._table:
                    raise TypeError(f"{self.task}: {kind.__name__} already has a rule")
                self._table[kind] = rule
            return rule

        return register

    def __call__(self, op: object, *args: P.args, **kwargs: P.kwargs) -> R:
        """The answer for `op`; raises `Unsupported` when there is none."""
        rule = self._table.get(type(op)) or self.rule(op)
        return rule(op, *args, **kwargs)

    def rule(self, op: object) -> Callable[..., R]:
        """The function that answers for `op`; raises `Unsupported` when there is none."""
        for kind in type(op).__mro__:
            if kind in self._table:
                return self._table[kind]
        known = sorted(kind.__name__ for kind in self._table)
        near = get_close_matches(type(op).__name__, known, 1)
        hint = f"did the pass that turns it into {near[0]} not run?" if near else "see the support table"
        raise Unsupported(
            f"no rule for {type(op).__name__}",
            where=self.task,
            why=f"it knows {', '.join(known)}",
            remedy=hint,
        )

    def __contains__(self, kind: type) -> bool:
        return any(base in self._table for base in kind.__mro__)

    @property
    def kinds(self) -> frozenset[type]:
        """The classes that have a rule of their own."""
        return frozenset(self._table)
