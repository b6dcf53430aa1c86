"""Networks of dense layers: TFC, SFC, LFC, keyword spotting, autoencoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitwright.train.door import keras
from bitwright.train.zoo.blocks import Maker, entry
from bitwright.train.zoo.recipes import jet_tagger
from bitwright.train.zoo.seeding import seeded

__all__ = ["anomaly_autoencoder", "autoencoder", "jets", "kws_mlp", "lfc", "sfc", "tfc"]


def jets(weight_bits: int = 6, activation_bits: int = 6, *, seed: int | None = 0, **options: Any) -> Any:
    """The jet tagger 16-64-32-32-5 (arXiv:2006.10159): 4256 products, 4389 parameters.

    Sums have biases and there is no batch normalization; `options` as for `quantized_mlp`.
    """
    told = {"softmax": False, **options}
    return seeded(jet_tagger(max(weight_bits, activation_bits), weight_bits=weight_bits,
                             activation_bits=activation_bits, **told), seed)  # fmt: skip


def tfc(weight_bits: int = 1, activation_bits: int = 1, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """784-64-64-64-10 (FINN's TFC): 59,008 products."""
    return _finn("tfc", 64, weight_bits, activation_bits, input_format, seed)


def sfc(weight_bits: int = 1, activation_bits: int = 1, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """784-256-256-256-10 (FINN's SFC): 334,336 products."""
    return _finn("sfc", 256, weight_bits, activation_bits, input_format, seed)


def lfc(weight_bits: int = 1, activation_bits: int = 1, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """784-1024-1024-1024-10 (FINN's LFC, MLP-4 of FINN-R): 2,910,208 products, 5.8 MOp."""
    return _finn("lfc", 1024, weight_bits, activation_bits, input_format, seed)


def _finn(name: str, width: int, weight_bits: int, activation_bits: int, told: Any, seed: int | None) -> Any:
    """Pixels in [-1, 1), in as many bits as activations; batch normalization behind each hidden sum.

    Source: Umuroglu et al., FINN, FPGA 2017; the output layer here is a sum without normalization.
    """
    usual = "binary(alpha=1)" if activation_bits == 1 else f"s{activation_bits}.{activation_bits - 1}"
    maker = Maker(weight_bits, activation_bits, seed is not None)
    return _stack(name, 784, (width,) * 3, 10, maker, (told, usual), seed)


def kws_mlp(weight_bits: int = 3, activation_bits: int = 3, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """490-256-256-256-12 on 49 frames of 10 coefficients (MLPerf Tiny's task): 259,584 products.

    Source: QONNX model zoo, kwsmlp_w3a3 (there with inputs of 8 bits, as here).
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    return _stack("kws_mlp", 490, (256,) * 3, 12, maker, (input_format, "s8.7"), seed)


def autoencoder(
    weight_bits: int = 8, activation_bits: int = 8, *, input_format: Any = None, seed: int | None = 0
) -> Any:
    """640-128x4-8-128x4-640 (MLPerf Tiny's anomaly detection, ToyADMOS): 264,192 products, 269,992 parameters.

    Sums have biases, batch normalization behind all but the last, as there (mlcommons/tiny, keras_model.py).
    """
    hidden, maker = (128,) * 4 + (8,) + (128,) * 4, Maker(weight_bits, activation_bits, seed is not None)
    return _stack("autoencoder", 640, hidden, 640, maker, (input_format, "s8.3"), seed, bias=True)


def anomaly_autoencoder(
    weight_bits: int = 8, activation_bits: int = 8, *, input_format: Any = None, seed: int | None = 0
) -> Any:
    """57-32-16-3-16-32-57 on the momenta of 19 particles (arXiv:2108.03986): 4,768 products.

    Rectifiers where the paper has leaky ones, and no normalization of the inputs beyond their format.
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    shape = (32, 16, 3, 16, 32)
    return _stack("anomaly_autoencoder", 57, shape, 57, maker, (input_format, "s8.4"), seed, bias=True)


def _stack(
    name: str,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    maker: Maker,
    format: tuple[Any, str],
    seed: int | None,
    *,
    bias: bool = False,
) -> Any:
    """Sum, batch normalization, activation for each hidden layer, and a sum; `format`: (told, usual)."""
    x, y = entry((inputs,), *format)
    for index, units in enumerate(hidden, 1):
        y = maker.act(maker.dense(y, units, f"fc{index}", use_bias=bias), f"fc{index}")
    y = maker.dense(y, outputs, "logits", use_bias=bias)
    return seeded(keras.Model(x, y, name=name), seed)
