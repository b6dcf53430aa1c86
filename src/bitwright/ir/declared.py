"""Values read from text, held against the types that dataclass fields declare."""

from __future__ import annotations

from dataclasses import is_dataclass
from enum import Enum
from fractions import Fraction
from types import UnionType
from typing import Any, get_args, get_origin

from bitwright.numeric import Ints, Steps

__all__ = ["as_declared"]


def as_declared(hint: Any, value: Any) -> Any:
    """`value` as `hint` (int, str, tuples, Ints, Steps, records) wants it; raises `TypeError` where it cannot be.

    >>> as_declared(tuple[int, ...], (1, 2)), as_declared(Ints, [3])
    ((1, 2), Ints([3]))
    >>> as_declared(tuple[int, int] | None, (1, 2)), as_declared(Ints | None, None)
    ((1, 2), None)
    """
    if isinstance(hint, UnionType):
        return _one_of(get_args(hint), value)
    if get_origin(hint) is tuple:
        return _items(get_args(hint), value)
    if hint is Ints and isinstance(value, int | list):
        return Ints(value)  # pyright: ignore[reportArgumentType]
    if hint is Steps and isinstance(value, int | Fraction | list):
        return Steps.of(value)  # pyright: ignore[reportUnknownArgumentType]
    if hint is Fraction and isinstance(value, int):
        return Fraction(value)
    exact = hint in (int, str, bool, Fraction) or issubclass(hint, Enum) or is_dataclass(hint)
    if exact and type(value) is hint:
        return value
    raise TypeError(f"{value!r} is no {hint.__name__}"[:120])


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if type(value) in choices:
        return value
    others = [choice for choice in choices if choice is not type(None)]
    if len(others) == 1:
        return as_declared(others[0], value)
    raise TypeError(f"a {type(value).__name__} is none of {', '.join(c.__name__ for c in choices)}")


def _items(inner: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise TypeError(f"a {type(value).__name__} is no tuple")
    items: tuple[Any, ...] = value
    hints = (inner[0],) * len(items) if inner[-1] is Ellipsis else inner
    if len(hints) != len(items):
        raise TypeError(f"{len(items)} items are not {len(hints)}")
    return tuple(as_declared(hint, item) for hint, item in zip(hints, items, strict=True))
