"""The models of the 2021 paper as they are trained and quantized here: what `paper2021` puts in its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bitwright as bw
from bitwright.train import zoo
from bitwright.train.data import Dataset
from bitwright.train.door import keras
from bitwright.train.fit import accuracy
from bitwright.train.layers import QActivation, QDense

__all__ = [
    "BATCH",
    "TENSORS",
    "best_of",
    "fixed",
    "float_model",
    "heterogeneous",
    "post_training",
    "sixteen",
    "split",
    "trained",
    "uniform",
]

UNITS = (64, 32, 32, 5)
TENSORS = ("fc1", "relu1", "fc2", "relu2", "fc3", "relu3", "logits")
LEARNING_RATE = 5e-3
BATCH = 2048
SIXTEEN = 16, 6
"""ap_fixed<16, 6>, the paper's baseline: 6 bits before the point, the sign among them."""


def split(data: Dataset, part: float = 0.1, most: int | None = None) -> Dataset:
    """The training jets alone: the last `part` of them stands where the test split was, for choices."""
    x, y = data.x_train[:most], data.y_train[:most]
    edge = round(len(x) * (1 - part))
    return replace(data, x_train=x[:edge], y_train=y[:edge], x_test=x[edge:], y_test=y[edge:])


def float_model() -> Any:
    """16-64-32-32-5 in float: where BF, BP and BH come from."""
    return zoo.mlp(16, UNITS, "jets")


def uniform(bits: int) -> Any:
    """Q6's network with `bits` for all weights and activations."""
    kernel, activation = f"quantized_bits({bits},0,1)", f"quantized_relu({bits},0)"
    x = entry = keras.Input((16,), name="input")
    for index, units in enumerate(UNITS[:-1], 1):
        x = QDense(units, kernel_quantizer=kernel, bias_quantizer=kernel, name=f"fc{index}")(x)
        x = QActivation(activation, name=f"relu{index}")(x)
    x = QDense(UNITS[-1], kernel_quantizer=kernel, bias_quantizer=kernel, name="output")(x)
    return keras.Model(entry, keras.layers.Activation("softmax", name="softmax")(x), name=f"uniform{bits}")


def trained(build: Callable[[], Any], data: Dataset, epochs: int, seed: int, callbacks: Sequence[Any] = ()) -> Any:
    """`build()` trained with Adam and a cosine-decayed learning rate; the same for the same seed."""
    keras.utils.set_random_seed(seed)
    model = build()
    steps = epochs * -(-len(data.x_train) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.01)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="sparse_categorical_crossentropy")
    model.fit(
        data.x_train, data.y_train, epochs=epochs, batch_size=BATCH, verbose=0, callbacks=list(callbacks)
    )  # fmt: skip
    return model


def best_of(models: Sequence[Any], data: Dataset) -> int:
    """Which model does best on the validation jets of `data`."""
    return int(np.argmax([accuracy(model, data.x_test, data.y_test) for model in models]))


def sixteen(model: Any) -> Any:
    """The float `model` in ap_fixed<16, 6> throughout, after training."""
    return fixed(model, *SIXTEEN)


def fixed(model: Any, bits: int, integer: int) -> Any:
    """In ap_fixed<bits, integer> throughout, as hls4ml's default type does it; fewer fraction bits below 0 are none."""
    before = min(integer, bits) - 1
    rule = bw.Bits(weights=bits, bias=bits, integer=before, activations=bits, activation_integer=before + 1)
    return bw.quantize(model, {"fc*": rule, "logits": rule, "relu*": rule})


def post_training(model: Any, widths: Mapping[str, int], x: NDArray[np.float32]) -> Any:
    """The float `model` with `widths` by tensor (see `TENSORS`), ranges found from the weights and from `x`."""
    rules = {name: bw.Bits(weights=bits, activations=bits) for name, bits in widths.items()}
    return bw.calibrate(bw.quantize(model, rules), x)


def heterogeneous(model: Any, data: Dataset, drop: float, samples: int = 16384) -> dict[str, int]:
    """BH: for each tensor in turn the fewest bits that keep validation accuracy, `drop` shared out among them."""
    x, y = data.x_test[:samples], data.y_test[:samples]
    widths = dict.fromkeys(TENSORS, 16)

    def share(some: Mapping[str, int]) -> float:
        found = post_training(model, some, data.x_train[:2000])(x, training=False)
        return float((keras.ops.convert_to_numpy(found).argmax(-1) == y).mean())

    baseline = share(widths)
    for place, name in enumerate(TENSORS, 1):
        least, most = 2, 16
        while least < most:
            bits = (least + most) // 2
            good = share({**widths, name: bits}) >= baseline - drop * place / len(TENSORS)
            least, most = (least, bits) if good else (bits + 1, most)
        widths[name] = most
    return widths
