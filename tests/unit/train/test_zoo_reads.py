"""The zoo's networks read into the integer graph, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitwright import zoo
from bitwright.frontends.keras import logits, read_model
from bitwright.ir.graph import run
from bitwright.ir.graph.ops import Add, Conv, Map
from bitwright.numeric import Thresholds

QUICK: dict[str, dict[str, Any]] = {"tfc": {}, "ds_cnn": {"weight_bits": 3, "activation_bits": 3}}
SLOW: dict[str, dict[str, Any]] = {
    "kws_mlp": {"weight_bits": 3, "activation_bits": 2},
    "cnv": {"width": 0.125, "weight_bits": 2, "activation_bits": 2},
    "svhn_cnn": {"weight_bits": 4, "activation_bits": 4},
    "resnet8": {"weight_bits": 3, "activation_bits": 2},
    "autoencoder": {"weight_bits": 4, "activation_bits": 3},
    "anomaly_autoencoder": {},
    "mobilenet_v1": {"alpha": 0.125, "size": 32, "classes": 4},
    "lstm": {"steps": 3, "weight_bits": 5, "activation_bits": 5},
    "gru": {"steps": 3},
}


def agrees(name, options):
    model = zoo.build(name, **options)
    reading = read_model(model)
    x = np.random.default_rng(3).uniform(-1, 1, (4, *model.input_shape[1:])).astype(np.float32)
    codes = run(reading.graph, [encoder(x) for encoder in reading.encoders])
    found = logits(model, [x], [decoder.head for decoder in reading.decoders])
    assert len(np.unique(found[0])) > 1
    return np.array_equal(reading.decoders[0](codes[0]), found[0])


@pytest.mark.parametrize("name", QUICK)
def test_keras_and_the_integer_graph_agree(name):
    assert agrees(name, QUICK[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SLOW)
def test_keras_and_the_integer_graph_agree_on_the_others(name):
    assert agrees(name, SLOW[name])


def test_activations_become_thresholds_of_the_told_width():
    graph = read_model(zoo.tfc(2, 2)).graph
    maps = [node.op.form for node in graph.nodes if isinstance(node.op, Map)]
    assert [form.values.array.shape for form in maps if isinstance(form, Thresholds)] == [(64, 4)] * 3


def test_a_residual_block_reads_as_convolutions_and_an_addition():
    graph = read_model(zoo.resnet18_block(size=6, channels=8, strides=2)).graph
    kinds = [type(node.op) for node in graph.nodes]
    assert (kinds.count(Conv), kinds.count(Add)) == (3, 1)
