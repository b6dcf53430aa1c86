"""All networks by name."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.zoo.convolutional import cnv, dorefa_alexnet, svhn_cnn, tincy_yolo
from bitwright.train.zoo.mobile import ds_cnn, mobilenet_v1
from bitwright.train.zoo.perceptrons import anomaly_autoencoder, autoencoder, jets, kws_mlp, lfc, sfc, tfc
from bitwright.train.zoo.recurrent import gru, lstm
from bitwright.train.zoo.residual import resnet8, resnet18, resnet18_block

__all__ = ["build", "builder", "names"]

_BUILDERS: dict[str, Callable[..., Any]] = {
    "jet_tagger": jets,
    **{f.__name__: f for f in (
        tfc, sfc, lfc, cnv, svhn_cnn, tincy_yolo, dorefa_alexnet, resnet8, resnet18, resnet18_block, mobilenet_v1,
        kws_mlp, ds_cnn, autoencoder, anomaly_autoencoder, lstm, gru,
    )},
}  # fmt: skip


def names() -> tuple[str, ...]:
    """The names of all networks that `build` knows."""
    return tuple(_BUILDERS)


def builder(name: str) -> Callable[..., Any]:
    """The function that makes the network called `name`; raises `InvalidValue` with the nearest known name."""
    if name not in _BUILDERS:
        near = get_close_matches(name, _BUILDERS, 3) or list(_BUILDERS)
        raise InvalidValue(f"unknown network {name!r}", where="zoo", remedy=f"one of {', '.join(near)}")
    return _BUILDERS[name]


def build(name: str, weight_bits: int | None = None, activation_bits: int | None = None, **options: Any) -> Any:
    """The Keras model called `name`; what is not told is the network's own.

    weight_bits: 1 (-1, 1), 2 (-1, 0, 1) or more (two's complement in [-1, 1)); activation_bits: 1 (-1, 1) or more
    (unsigned, behind a rectifier). Options that all take: `input_format` ("u8.8", "s8.7" or a quantizer) and `seed`
    (None for Keras's initial weights); more in the docstrings of the builders. Raises `InvalidValue` with the nearest
    known name for an unknown network or option.
    """
    make = builder(name)
    told = {"weight_bits": weight_bits, "activation_bits": activation_bits, **options}
    parameters = signature(make).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for key in told.keys() - parameters.keys():
            near = get_close_matches(key, parameters, 3) or list(parameters)
            raise InvalidValue(f"unknown option {key!r}", where=f"zoo, {name}", remedy=f"one of {', '.join(near)}")
    return make(**{key: value for key, value in told.items() if value is not None or key == "seed"})
