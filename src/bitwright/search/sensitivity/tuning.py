"""Fine-tuning of a chosen point: a few epochs of quantization-aware training after post-training quantization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.train.door import keras

__all__ = ["tuning"]


def tuning(
    x: Any, y: Any, *, loss: Any = "sparse_categorical_crossentropy", epochs: int = 3, batch_size: int = 256,
    learning_rate: float = 1e-3, seed: int = 0,
) -> Callable[[Any], Any]:  # fmt: skip
    """A function that trains a quantized model on (x, y), with Adam and a cosine-decayed rate, and returns it.

    Meant for `tune=` of `assign` and `front`: the same seed gives the same model. Raises InvalidModel
    when the loss becomes NaN.
    """
    if epochs < 1 or batch_size < 1:
        raise InvalidValue(f"epochs={epochs}, batch_size={batch_size}", where="tuning", remedy="give at least 1")

    def tune(model: Any) -> Any:
        keras.utils.set_random_seed(seed)
        steps = epochs * -(-len(keras.tree.flatten(x)[0]) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=0.01)
        model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
        past = model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)
        if not np.isfinite(past.history["loss"]).all():
            raise InvalidModel("the loss is no number", where="tuning", remedy="lower the learning rate")
        return model

    return tune
