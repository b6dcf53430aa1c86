"""A program written for tfmot prunes here, on Keras 3."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.qkeras import pruning
from bitwright.train.door import keras

X = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32)


def network():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="inner")], name="nested")
    return keras.Sequential(
        [keras.Input((6,)), bw.QDense(8, kernel_quantizer="quantized_bits(6,0,1)", name="one"), inner,
         bw.QDense(8, kernel_quantizer="binary(alpha=1)", name="sign"), keras.layers.Dense(2, name="two")]
    )  # fmt: skip


def zeros(model, name):
    layer = next(layer for layer in model._flatten_layers() if layer.name == name)
    return float((keras.ops.convert_to_numpy(layer.kernel) == 0).mean())


def test_a_marked_model_is_pruned_while_it_is_fitted():
    model = network()
    schedule = pruning.PolynomialDecay(initial_sparsity=0.0, final_sparsity=0.5, begin_step=0, end_step=6, frequency=2)
    for layer in ("one", "two"):
        pruning.prune_low_magnitude(model.get_layer(layer), pruning_schedule=schedule)
    pruning.prune_low_magnitude(model.get_layer("nested"), sparsity_m_by_n=(3, 4))
    model.compile("adam", "mse")
    update = pruning.UpdatePruningStep()
    for _ in range(2):
        model.fit(X, X[:, :2], batch_size=8, verbose=0, callbacks=[update])
    assert [zeros(model, name) for name in ("one", "inner", "two", "sign")] == [0.5, 0.75, 0.5, 0.0]
    stripped = pruning.strip_pruning(model)
    assert stripped is model
    with pytest.raises(InvalidModel, match="prune_low_magnitude"):
        model.fit(X, X[:, :2], verbose=0, callbacks=[pruning.UpdatePruningStep()])


def test_a_mark_on_a_layer_beats_that_on_the_model():
    model = network()
    model.pop()
    model.pop()
    pruning.prune_low_magnitude(model, block_size=(2, 2))
    pruning.prune_low_magnitude(model.get_layer("one"), pruning_schedule=pruning.ConstantSparsity(0.25, 0))
    model.compile("sgd", "mse")
    model.fit(X, np.tile(X, 2)[:, :8], batch_size=32, verbose=0, callbacks=[pruning.UpdatePruningStep()])
    assert (zeros(model, "one"), zeros(model, "inner")) == (0.25, 0.5)


def test_what_is_not_there_is_refused():
    with pytest.raises(InvalidValue, match="MAX"):
        pruning.prune_low_magnitude(network(), block_pooling_type="MAX")
