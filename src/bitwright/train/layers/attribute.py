"""Attributes of a Keras layer that can be replaced for the time of one call.

This is the one mechanism by which a Keras layer becomes its quantized twin: while the parent's own
`call` runs, it reads quantized tensors where it would have read its variables.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["Overlaid", "is_overlaid", "overlaid"]

_SLOT = "_overlay"


class Overlaid:
    """A descriptor over an attribute of the parent, be it a property or a plain attribute there."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        replaced = layer.__dict__.get(_SLOT)
        if replaced is not None and self.name in replaced:
            return replaced[self.name]
        for parent in type(layer).__mro__:
            found = parent.__dict__.get(self.name)
            if isinstance(found, property) and found.fget is not None:
                return found.fget(layer)
        if self.name not in layer.__dict__:
            raise AttributeError(f"{type(layer).__name__!r} object has no attribute {self.name!r}")
        return layer.__dict__[self.name]

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__[self.name] = value

    def __delete__(self, layer: Any) -> None:
        del layer.__dict__[self.name]


def is_overlaid(layer: Any) -> bool:
    """Whether attributes of the layer are replaced now."""
    return _SLOT in layer.__dict__


@contextmanager
def overlaid(layer: Any, **values: Any) -> Generator[None]:
    """Within the context, the `Overlaid` attributes named here read as these values."""
    # Straight into the dictionary: Keras's attribute tracking must not see tensors of a trace.
    layer.__dict__[_SLOT] = values
    try:
        yield
    finally:
        del layer.__dict__[_SLOT]
