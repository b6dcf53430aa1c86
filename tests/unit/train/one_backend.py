"""Run in a process of its own on one Keras backend: `one_backend.py (make | use | again) FOLDER`.

make: a model with drawn weights, its inputs and its predictions. use: the same predictions and
weights from that file, then one epoch of training and a file of the result. again: predictions of
that result.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import bitwright.layers as bl
from bitwright.train.door import keras


def network():
    """Two branches: one all dyadic, one with automatic scales."""
    entry = keras.Input((8, 8, 2), name="image")
    x = bl.QActivation("quantized_relu(4,0)")(entry)
    x = bl.QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer="quantized_bits(6,1)",
                   activation="quantized_relu(5,2)", name="conv")(x)  # fmt: skip
    exact = bl.QDepthwiseConv2D(2, depthwise_quantizer="quantized_po2(4)", activation="quantized_tanh(5)")(x)
    exact = bl.QAveragePooling2D(2, average_quantizer="quantized_bits(6,0,1,alpha=1)")(exact)
    exact = bl.QDense(5, kernel_quantizer="quantized_bits(5,0)", name="po2")(keras.layers.Flatten()(exact))
    scaled = bl.QConv2D(3, 2, kernel_quantizer="ternary(alpha='auto')", activation="quantized_bits(6,2,1)",
                        name="ternary")(x)  # fmt: skip
    scaled = bl.QConv2D(3, 2, kernel_quantizer="quantized_bits(3,0,alpha='auto')", name="bits")(scaled)
    scaled = bl.QDense(5, kernel_quantizer="binary(alpha='auto')", activation="quantized_bits(8,3,1)",
                       name="binary")(keras.layers.Flatten()(scaled))  # fmt: skip
    return keras.Model(entry, [exact, scaled])


def facts(model, images) -> dict[str, np.ndarray]:
    """Predictions and the quantized weights of every layer."""
    found = dict(zip(("exact", "scaled"), model.predict(images, verbose=0), strict=True))
    for layer in model.layers:
        if hasattr(layer, "quantized_weights"):
            for name, tensor in layer.quantized_weights().items():
                found[f"{layer.name}.{name}.z"] = tensor.z
                if tensor.scale is not None:
                    found[f"{layer.name}.{name}.scale"] = tensor.scale
    return found


def main(act: str, folder: Path) -> None:
    """Do one of the three things."""
    own = f"{keras.backend.backend()}-"
    draws = np.random.default_rng(5)
    images = draws.integers(0, 17, size=(200, 8, 8, 2)).astype(np.float32) / 16
    if act == "make":
        model = network()
        for weight in model.weights:
            weight.assign(draws.normal(size=weight.shape) * 0.4)
        model.save(folder / "model.keras")
    if act == "use":
        model = keras.models.load_model(folder / "model.keras")
        np.savez(folder / f"{own}use.npz", **facts(model, images))
        model.compile("adam", "mse")
        model.fit(images, [np.zeros((200, 5)), np.ones((200, 5))], epochs=1, verbose=0)
        model.save(folder / f"{own}trained.keras")
        np.savez(folder / f"{own}trained.npz", **facts(model, images))
    if act == "again":
        model = keras.models.load_model(folder / f"{own}trained.keras")
        np.savez(folder / f"{own}again.npz", **facts(model, images))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
