"""Our quantizers against numbers that google/qkeras computed: outputs, gradients, scales, strings.

Tolerances are those of the oracles' own README.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ORACLES = Path(__file__).resolve().parents[2] / "../shared/data/oracles/qkeras/quantizers"
if not (ORACLES / "index.json").is_file():
    pytest.skip("the QKeras oracles are not here", allow_module_level=True)

from bitwright.core.errors import InvalidValue  # noqa: E402
from bitwright.train.door import keras, ops  # noqa: E402
from bitwright.train.quantizers import quantized_po2, quantized_ulaw, set_internal_sigmoid  # noqa: E402
from bitwright.train.spec import QUANTIZERS, get_quantizer  # noqa: E402

BACKEND = keras.backend.backend()
# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
pytestmark = [] if BACKEND == "jax" else [pytest.mark.backend]

INDEX = json.loads((ORACLES / "index.json").read_text())
INPUTS = np.load(ORACLES / "inputs.npz")
FILES: dict[str, np.lib.npyio.NpzFile] = {}

# One bit has no exponent: QKeras emits 2^-0.5, on no grid; we emit +-1, which its max() and min() say too.
OURS = {"quantized_po2(bits=1)"}
# QKeras fails on these when called (UnboundLocalError, AssertionError); we refuse them at construction.
REFUSED = {
    "ternary(alpha=auto,number_of_unrolls=0)",
    "ternary(alpha=auto_po2,number_of_unrolls=0)",
    "ternary(alpha=auto,threshold=0.5)",
    "ternary(use_stochastic_rounding=True)",
}
# QKeras's strings leave these arguments out, or print them where another argument belongs.
MISPRINTED = {
    "scale_axis",
    "elements_per_scale",
    "min_po2_exponent",
    "max_po2_exponent",
    "post_training_scale",
    "qnoise_factor",
    "log2_rounding",
    "use_stochastic_rounding",
    "negative_slope",
    "symmetric",
    "use_ste",
    "is_quantized_clip",
    "relu_upper_bound",
    "use_real_tanh",
    "use_real_sigmoid",
    "enable_fast_inference",
}
# Values that QKeras lists as its one-bit format's, though it emits -1 and 1.
WRONG_RANGE = {"quantized_bits(bits=1,integer=1)"}
TRUNCATED = {"quantized_po2(bits=4,max_value=0.25)", "quantized_po2(bits=6,max_value=0.5)"}
CASES = [i for i, e in INDEX.items() if isinstance(QUANTIZERS[e["class"]], type) and i not in OURS | REFUSED]
FUNCTIONS = [i for i, e in INDEX.items() if not isinstance(QUANTIZERS[e["class"]], type)]


def vjp(function, x, ct):
    """The value of `function` at x, and the gradient of sum(value * ct)."""
    if BACKEND == "jax":
        import jax

        y, pull = jax.vjp(function, x)
        return np.asarray(y), np.asarray(pull(ct)[0])
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            y = function(tensor)
        return y.numpy(), tf.convert_to_tensor(tape.gradient(y, tensor, ct)).numpy()
    import torch

    tensor = torch.tensor(x, requires_grad=True)
    y = function(tensor)
    (gradient,) = torch.autograd.grad(y, tensor, torch.tensor(ct), allow_unused=True)
    return y.detach().numpy(), np.zeros_like(x) if gradient is None else gradient.numpy()


@pytest.fixture(autouse=True)
def _hard_sigmoid_again():
    yield
    set_internal_sigmoid("hard")


def arrays(identity, name):
    entry = INDEX[identity]
    stored = FILES.setdefault(entry["file"], np.load(ORACLES / entry["file"]))
    key = f"{identity}/{name}"

    def find(part):
        return stored[f"{key}.{part}"] if f"{key}.{part}" in stored.files else INPUTS[f"{name}.{part}"]

    scale = stored[f"{key}.scale"] if f"{key}.scale" in stored.files else None
    return find("x"), find("ct"), stored[f"{key}.y"], stored[f"{key}.g"], scale


def at_midpoint(identity, x):
    """Where a power-of-two setting may choose either neighbor: log2 of |x| halfway between exponents."""
    if "po2" not in identity:
        return np.zeros(x.shape, bool)
    exponent = np.log2(np.maximum(np.abs(x).astype(np.float64), 1e-30))
    exponent = exponent / 2 if "quadratic_approximation=True" in identity else exponent
    return np.abs(exponent - np.floor(exponent) - 0.5) < 1e-6


TELLING = {"v1", "m1", "c_mixed", "zero_channel", "edge"}


def batches(identity, elementwise):
    """(name, x, ct, y, g, scale) for every input; all in one vector where each element stands alone."""
    found = [(name, *arrays(identity, name)) for name in INDEX[identity]["inputs"]]
    if not elementwise or not found:
        return found
    # One length for all settings: then one compilation serves them all.
    columns = [np.concatenate([f[i].ravel() for f in found]) for i in range(1, 5)]
    return [("all", *(np.pad(c, (0, -len(c) % 2048)) for c in columns[:2]), *columns[2:], None)]


@pytest.mark.parametrize("identity", CASES)
def test_outputs_and_gradients_are_those_of_qkeras(identity):
    entry = INDEX[identity]
    set_internal_sigmoid(entry["internal_sigmoid"])
    quantizer = QUANTIZERS[entry["class"]](**entry["kwargs"])
    assert entry["inputs"] or entry["errors"]
    if quantizer.always_random:
        check(batches(identity, False), quantizer, identity)
    check([b for b in batches(identity, quantizer.elementwise) if b[0] in TELLING | {"all"}], quantizer, identity)


@pytest.mark.long
@pytest.mark.parametrize("identity", [i for i in CASES if "alpha=auto" in i])
def test_automatic_scales_are_those_of_qkeras_on_all_inputs(identity):
    quantizer = QUANTIZERS[INDEX[identity]["class"]](**INDEX[identity]["kwargs"])
    check([b for b in batches(identity, False) if b[0] not in TELLING], quantizer, identity)


def check(batches, quantizer, identity):
    for name, x, ct, y, g, scale in batches:
        ours, gradient = vjp(quantizer, x, ct)
        assert_on_grid(quantizer, ours)
        if name == "all":
            x, ours, gradient = (a[: len(y)] for a in (x, ours, gradient))
        compared = (np.abs(x) <= 1e4) & ~at_midpoint(identity, x)
        slack = 2.0**-22 * np.maximum(np.abs(x), np.abs(ours)) + 1e-5 * np.abs(y) + 1e-37
        off = compared & (np.abs(ours - y) > slack)
        assert not off.any(), (name, x[off][:5], ours[off][:5], y[off][:5])
        settled = ~at_midpoint(identity, x) if "linear" in identity else slice(None)
        np.testing.assert_allclose(gradient[settled], g[settled], rtol=1e-5, atol=1e-6, err_msg=name)
        if scale is not None and not at_midpoint(identity, x).any():
            quantizer(x)
            found = ops.convert_to_numpy(quantizer.scale)
            np.testing.assert_allclose(found.reshape(scale.shape), scale, rtol=1e-5, err_msg=name)


def assert_on_grid(quantizer, values):
    assert not (np.signbit(values) & (values == 0)).any()
    if isinstance(quantizer, quantized_ulaw):
        np.testing.assert_allclose(np.abs(values[..., None] - quantizer.range()).min(axis=-1), 0, atol=1e-6)
        return
    grid = quantizer.grid()
    if grid is None:
        return
    codes = values.astype(np.float64) / float(grid.step)
    assert (codes == np.round(codes)).all()
    assert grid.low <= codes.min()
    assert codes.max() <= grid.high


@pytest.mark.parametrize("identity", FUNCTIONS)
def test_functions_are_those_of_qkeras(identity):
    for _, x, ct, y, g, _ in batches(identity, True):
        x, ct = x[: len(y)], ct[: len(y)]
        ours, gradient = vjp(QUANTIZERS[INDEX[identity]["class"]], x, ct)
        np.testing.assert_allclose(ours, y, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(gradient, g, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("identity", sorted(REFUSED))
def test_settings_that_qkeras_cannot_call_are_refused_with_a_remedy(identity):
    with pytest.raises(InvalidValue, match="try:"):
        QUANTIZERS[INDEX[identity]["class"]](**INDEX[identity]["kwargs"])


def test_one_bit_power_of_two_is_the_sign():
    values = ops.convert_to_numpy(quantized_po2(1)(np.array([-3.0, -1e-9, 0.0, 0.2], np.float32)))
    assert values.tolist() == [-1.0, -1.0, 1.0, 1.0]


@pytest.mark.parametrize("identity", CASES)
def test_strings_round_trip_and_equal_qkeras_where_its_own_do(identity):
    entry = INDEX[identity]
    quantizer = QUANTIZERS[entry["class"]](**entry["kwargs"])
    assert get_quantizer(str(quantizer)).get_config() == quantizer.get_config()
    if "str" in entry and MISPRINTED.isdisjoint(entry["kwargs"]) and identity not in TRUNCATED:
        assert str(quantizer).replace("True", "1").replace("=False", "=0") == entry["str"].replace("=False", "=0")


@pytest.mark.parametrize("identity", [*CASES, *sorted(OURS)])
def test_bounds_and_ranges_are_those_that_qkeras_tells(identity):
    entry = INDEX[identity]
    quantizer = QUANTIZERS[entry["class"]](**entry["kwargs"])
    assert quantizer.max() == float(entry["max"])
    if "min" in entry:
        assert quantizer.min() == float(entry["min"])
    if "range" in entry and identity not in WRONG_RANGE:
        assert np.array_equal(quantizer.range(), np.array(entry["range"], np.float32))


@pytest.mark.parametrize("identity", CASES)
def test_configurations_that_qkeras_wrote_are_read(identity):
    entry = INDEX[identity]
    ours = QUANTIZERS[entry["class"]](**entry["kwargs"]).get_config()
    # QKeras cannot write this argument down.
    if "post_training_scale" in entry["kwargs"]:
        assert "config" not in entry
        return
    config = entry["config"]
    read = get_quantizer({"class_name": entry["class"], "config": config}).get_config()
    if entry["class"] == "quantized_hswish":  # which takes neither of these
        config = {k: v for k, v in config.items() if k not in ("keep_negative", "post_training_scale")}
    assert {k: read[k] for k in config} == {k: ours[k] for k in config}


@pytest.mark.parametrize("identity", CASES)
def test_the_scale_and_the_codes_multiply_to_the_output(identity):
    entry = INDEX[identity]
    set_internal_sigmoid(entry["internal_sigmoid"])
    quantizer = QUANTIZERS[entry["class"]](**entry["kwargs"])
    for name in {"m1"} & set(entry["inputs"]):
        x, ct, *_ = arrays(identity, name)

        def product(x, quantizer=quantizer):
            z, scale = quantizer.factor(x)
            return z if scale is None else z * scale

        (ours, gradient), (found, of_product) = vjp(quantizer, x, ct), vjp(product, x, ct)
        assert np.array_equal(ours, found)
        np.testing.assert_allclose(of_product, gradient, rtol=1e-5, atol=1e-6)
        z, scale = quantizer.factor(x)
        assert tuple(z.shape) == x.shape
        assert scale is None or ops.broadcast_to(scale, x.shape).shape == x.shape
