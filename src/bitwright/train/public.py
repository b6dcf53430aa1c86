"""The stable names under which saved models find our classes, whatever room they live in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bitwright.train.door import keras

__all__ = ["public"]

C = TypeVar("C", bound=Callable[..., object])


def public(home: str) -> Callable[[C], C]:
    """Give the decorated class or function the module name `home` and register it with Keras.

    A saved model then names `bitwright.layers` and `bitwright>QDense`, never the file that happens
    to hold the class today.
    """

    def decorate(kind: C) -> C:
        kind.__module__ = home
        return keras.saving.register_keras_serializable(package="bitwright")(kind)

    return decorate
