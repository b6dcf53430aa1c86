"""XLA without LLVM's optimizations: small functions that run once compile in half the time."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["compiled_quickly", "is_quick", "set_quick"]

_VARIABLE = "JAX_DISABLE_MOST_OPTIMIZATIONS"


def is_quick() -> bool:
    """What JAX has now, or will have when it is imported."""
    if jax := sys.modules.get("jax"):
        return bool(jax.config.read(_VARIABLE.lower()))
    return os.environ.get(_VARIABLE) == "1"


def set_quick(quick: bool) -> None:
    """For this process, and in the environment for a JAX of a process to come."""
    os.environ[_VARIABLE] = str(int(quick))
    if jax := sys.modules.get("jax"):
        jax.config.update(_VARIABLE.lower(), quick)


@contextmanager
def compiled_quickly() -> Generator[None]:
    """Quick within the block; what is compiled in it stays in JAX's caches."""
    before = is_quick()
    set_quick(True)
    try:
        yield
    finally:
        set_quick(before)
