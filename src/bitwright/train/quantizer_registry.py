"""Which quantizers there are by name: ours, and those that a program registers.

`get_quantizer` reads strings and saved models by this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bitwright.train import quantizers
from bitwright.train.registry import Registry

__all__ = ["FUNCTIONS", "QUANTIZERS", "is_quantizer", "lookup_quantizer", "quantizer_names", "register_quantizer"]

Q = TypeVar("Q", bound=Callable[..., Any])

FUNCTIONS = ("binary_sigmoid", "binary_tanh", "hard_sigmoid", "hard_tanh", "smooth_sigmoid", "smooth_tanh")
"""Plain functions that strings may name as well."""

QUANTIZERS: dict[str, Callable[..., Any]] = {
    name: kind
    for name in quantizers.__all__
    if (isinstance(kind := getattr(quantizers, name), type) and name[0].islower()) or name in FUNCTIONS
}
"""Our own quantizers and functions by name."""

_registry = Registry()
for _kind in QUANTIZERS.values():
    _registry.register(_kind)


def register_quantizer(quantizer: Q) -> Q:
    """Make a class or function known to strings and configurations by its name; also as a decorator."""
    return _registry.register(quantizer)


def lookup_quantizer(name: str) -> Any:
    """The class or function with this name; raises KeyError where there is none."""
    return _registry.lookup(name)


def is_quantizer(name: object) -> bool:
    """Whether `lookup_quantizer` knows this name."""
    return name in _registry


def quantizer_names() -> list[str]:
    """All known names, sorted."""
    return _registry.names()
