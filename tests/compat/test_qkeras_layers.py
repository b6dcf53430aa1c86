"""Our layers against numbers that google/qkeras computed: outputs, gradients, quantizers, bounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ORACLES = Path(__file__).resolve().parents[2] / "../shared/data/oracles/qkeras/layers"
if not (ORACLES / "index.json").is_file():
    pytest.skip("the QKeras oracles are not here", allow_module_level=True)

import bitwright.layers as layers  # noqa: E402
from bitwright.train.door import keras  # noqa: E402
from bitwright.train.quantizers import get_integer_bits  # noqa: E402
from bitwright.train.spec import QUANTIZERS  # noqa: E402

if keras.backend.backend() != "jax":
    pytest.skip("gradients are taken with jax here", allow_module_level=True)

import jax  # noqa: E402

pytestmark = pytest.mark.usefixtures("cheap_first_weights")
INDEX = json.loads((ORACLES / "index.json").read_text())
STORED = np.load(ORACLES / "layers.npz")
NOT_YET = tuple(
    name + "("
    for name in ("quantized_linear", "quantized_hswish", "stochastic_binary", "stochastic_ternary")
    if name not in QUANTIZERS
)
CASES = [
    i for i, e in INDEX.items() if hasattr(layers, e["class"]) and not any(name in str(e["kwargs"]) for name in NOT_YET)
]


def made(kind, kwargs, **more):
    """A layer from the oracles' words: lists stand for tuples, descriptions for inner layers."""
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}
    given |= {k: made(v["class"], v["kwargs"], name=v["name"]) for k, v in kwargs.items() if isinstance(v, dict)}
    return getattr(layers, kind)(**given, **more)

# Keras 2's base class has them; they do nothing in a separable convolution.
UNUSED = {("QSeparableConv2D", "kernel_initializer"), ("QSeparableConv1D", "kernel_initializer")}


def built(identity):
    entry = INDEX[identity]
    layer = made(entry["class"], entry["kwargs"])
    layer.build(tuple(entry["input_shape"]))
    if "state" in entry:
        state = entry["state"]
        # QKeras's output was computed before the averages had set the integer bits.
        layer.set_weights([np.array(state[k]) for k in ("step", "ema_min", "ema_max")] + [0 * layer.get_weights()[3]])
    else:
        layer.set_weights([STORED[f"{identity}/{w['key']}"] for w in entry["weights"]])
    return layer


def close(ours, theirs, relative):
    assert np.abs(np.asarray(ours) - theirs).max(initial=0.0) <= relative * np.abs(theirs).max(initial=1e-30)


def test_all_layers_that_the_oracles_know_are_here():
    kinds = {e["class"] for e in INDEX.values()}
    assert all(hasattr(layers, name) for name in kinds)


@pytest.mark.parametrize("identity", [i for i in CASES if "state" in INDEX[i]])
def test_integer_bits_follow_from_the_averages_as_in_qkeras(identity):
    state, made = INDEX[identity]["state"], INDEX[identity]["kwargs"]
    found = get_integer_bits(
        np.array(state["ema_min"], np.float32),
        np.array(state["ema_max"], np.float32),
        made["total_bits"],
        True,
        made["activation"] == "quantized_bits",
        made.get("po2_rounding", False),
    )
    assert np.array_equal(np.asarray(found), state["integer_after"])


@pytest.mark.parametrize("identity", [i for i in CASES if f"{i}/folded0" in STORED.files])
def test_folded_weights_are_those_of_qkeras(identity):
    for ours, name in zip(built(identity).get_folded_weights(), ("folded0", "folded1"), strict=True):
        close(ours, STORED[f"{identity}/{name}"], 1e-5)


@pytest.mark.parametrize("identity", CASES)
def test_outputs_and_gradients_are_those_of_qkeras(identity):
    layer, entry = built(identity), INDEX[identity]
    x, ct = STORED[f"{identity}/x"], STORED[f"{identity}/ct"]
    trained = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    # Compiled, as fit and predict are; eagerly, JAX would compile every operation for itself.
    @jax.jit
    def computed(trained, x, ct):
        y, pull = jax.vjp(lambda trained, x: layer.stateless_call(trained, fixed, x, training=False)[0], trained, x)
        return y, *pull(ct)

    y, gradients, gradient_x = computed(trained, x, np.asarray(ct))
    close(y, STORED[f"{identity}/y"], 1e-5)
    close(gradient_x, STORED[f"{identity}/gx"], 1e-4)
    named = [w for w in entry["weights"] if w["trainable"]]
    for gradient, weight in zip(gradients, named, strict=True):
        stored = f"{identity}/g{weight['key']}"  # missing where QKeras holds a weight that it does not use
        close(gradient, STORED[stored] if stored in STORED.files else np.zeros(weight["shape"]), 1e-4)


@pytest.mark.parametrize("identity", CASES)
def test_quantizers_and_bounds_are_those_of_qkeras(identity):
    layer, entry = built(identity), INDEX[identity]
    if entry.get("quantizers") is not None:
        assert [None if q is None else str(q) for q in layer.get_quantizers()] == entry["quantizers"]
    ours = layer.get_config()
    for key, theirs in entry["config"].items():
        if key.endswith(("_constraint", "_initializer")) and theirs is not None and (entry["class"], key) not in UNUSED:
            assert ours[key]["class_name"] == theirs["class_name"], key
            if theirs["class_name"] == "Clip":
                assert {k: ours[key]["config"][k] for k in theirs["config"]} == theirs["config"], key


@pytest.mark.parametrize("identity", CASES)
def test_the_sum_and_the_epilogue_make_the_output(identity):
    layer = built(identity)
    if not hasattr(layer, "linear"):
        pytest.skip("an element-wise layer")
    x = STORED[f"{identity}/x"]
    assert np.array_equal(np.asarray(layer(x)), np.asarray(layer.epilogue(layer.linear(x))))


@pytest.mark.parametrize("identity", CASES)
def test_a_layer_made_again_from_its_configuration_computes_the_same(identity):
    layer, x = built(identity), STORED[f"{identity}/x"]
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    assert json.dumps(again.get_config()) == json.dumps(config)
    assert np.array_equal(np.asarray(again(x)), np.asarray(layer(x)))
