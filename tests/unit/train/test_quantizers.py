"""What each quantizer promises, on examples and on drawn tensors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.quantizers import (
    BaseQuantizer,
    Grid,
    bernoulli,
    binary,
    quantized_bits,
    quantized_bits_learnable_po2,
    quantized_bits_msqe_po2,
    quantized_hswish,
    quantized_linear,
    quantized_po2,
    quantized_relu,
    quantized_relu_po2,
    quantized_sigmoid,
    quantized_tanh,
    quantized_ulaw,
    stochastic_binary,
    stochastic_ternary,
    straight,
    ternary,
)

X = np.array([-2.0, -0.8, -0.26, -0.125, -0.0, 0.0, 0.1, 0.1875, 0.3, 0.5, 0.99, 3.0], np.float32)


def values(quantizer, x=X, **options):
    return np.asarray(ops.convert_to_numpy(quantizer(x, **options)))


@pytest.mark.parametrize(
    ("quantizer", "grid"),
    [
        (quantized_bits(4, 0), Grid(Fraction(1, 8), -8, 7)),
        (quantized_bits(4, 0, 1), Grid(Fraction(1, 8), -7, 7)),
        (quantized_bits(4, 1, keep_negative=False), Grid(Fraction(1, 8), 0, 15)),
        (quantized_bits(1), Grid(Fraction(1), -1, 1)),
        (quantized_bits(3, -1), Grid(Fraction(1, 8), -4, 3)),
        (quantized_bits(4, 0, alpha=0.375), Grid(Fraction(3, 64), -8, 7)),
        (quantized_relu(4, 2), Grid(Fraction(1, 4), 0, 15)),
        (quantized_relu(6, 2, negative_slope=0.25), Grid(Fraction(1, 8), -8, 31)),
        (quantized_relu(6, 2, relu_upper_bound=1.5, is_quantized_clip=False), Grid(Fraction(1, 16), 0, 24)),
        (quantized_tanh(4), Grid(Fraction(1, 8), -8, 7)),
        (quantized_tanh(4, symmetric=True), Grid(Fraction(1, 8), -7, 7)),
        (quantized_sigmoid(3, symmetric=True), Grid(Fraction(1, 8), 1, 7)),
        (binary(), Grid(Fraction(1), -1, 1)),
        (binary(True, alpha=0.5), Grid(Fraction(1, 2), 0, 1)),
        (ternary(alpha=2), Grid(Fraction(2), -1, 1)),
        (quantized_po2(3), Grid(Fraction(1, 4), -8, 8)),
        (quantized_relu_po2(2), Grid(Fraction(1, 4), 1, 8)),
        (quantized_linear(4, 0), Grid(Fraction(1, 8), -7, 7)),
        (quantized_linear(4, 1, 0, alpha=0.75), Grid(Fraction(3, 16), -8, 7)),
        (quantized_linear(1, 1), Grid(Fraction(1), -1, 1)),
        (quantized_linear(3, 1, keep_negative=False), Grid(Fraction(1, 4), 0, 7)),
        (stochastic_binary(alpha=0.5), Grid(Fraction(1, 2), -1, 1)),
        (stochastic_ternary(), Grid(Fraction(1), -1, 1)),
    ],
    ids=str,
)
def test_the_grid_is_the_set_of_outputs(quantizer, grid):
    assert quantizer.grid() == grid
    fine = np.linspace(-20, 20, 20011, dtype=np.float32)
    found = {Fraction(float(v)) for v in values(quantizer, fine)}
    assert found <= set(grid.values())
    assert {min(found), max(found)} == {grid.step * grid.low, grid.step * grid.high}
    if getattr(quantizer, "relu_upper_bound", None) is None:
        assert found <= {Fraction(float(v)) for v in quantizer.range()}
    assert quantizer.bound() >= 1


@pytest.mark.parametrize(
    "quantizer",
    [
        quantized_bits(4, alpha="auto"),
        quantized_bits(4, alpha=[0.3, 0.7]),
        quantized_linear(4, alpha="auto_po2"),
        quantized_ulaw(4),
        quantized_bits(4, qnoise_factor=0.5),
        quantized_bits(12, alpha=0.1),
        ternary(alpha="auto_po2"),
    ],
    ids=str,
)
def test_there_is_no_grid_where_the_values_depend_on_data_or_round(quantizer):
    assert quantizer.grid() is None


def test_the_grid_of_scales_per_channel_holds_the_values_of_all_channels():
    quantizer = quantized_bits(4, 0, alpha=[0.5, 2.0])
    assert quantizer.grid() == Grid(Fraction(1, 16), -32, 28)
    assert quantizer.differs_along == (-1,)
    assert quantized_bits(4, alpha=np.array([[[0.5]], [[1.0]]])).differs_along == (-3,)


def test_a_curve_that_turns_says_so_and_stays_on_its_grid():
    quantizer = quantized_hswish(6, 2)
    assert not quantizer.monotone
    found = {Fraction(float(v)) for v in values(quantizer, np.linspace(-9, 9, 5000, dtype=np.float32))}
    assert found <= set(quantizer.grid().values())
    assert float(min(found)) == quantizer.min() == -0.375


def test_mu_law_values_are_those_that_range_lists():
    quantizer = quantized_ulaw(5, 1)
    found = np.unique(values(quantizer, np.linspace(-9, 9, 5000, dtype=np.float32)))
    np.testing.assert_allclose(found, np.sort(quantizer.range()), rtol=1e-5)


def test_scales_are_read_after_a_call_and_fixed_ones_before():
    x = np.array([[0.5, 3.0], [-0.25, 1.0]], np.float32)
    quantizer = quantized_bits(4, alpha="auto_po2")
    assert quantizer.scale is None
    assert not quantizer.built
    quantizer(x)
    assert quantizer.built
    assert ops.convert_to_numpy(quantizer.scale).shape == (1, 2)
    assert quantized_bits(4).scale == 1.0
    assert binary(alpha=0.5).scale == 0.5
    assert quantized_bits(4, alpha="auto", post_training_scale=[[0.5, 2.0]]).scale.tolist() == [[0.5, 2.0]]
    linear = quantized_linear(4, 1, alpha="auto")
    linear(x)
    np.testing.assert_allclose(ops.convert_to_numpy(linear.quantization_scale), [[0.5 / 7, 3.0 / 7]], rtol=1e-6)
    assert linear.data_type_scale == 0.25


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="tracers are JAX's")
def test_a_scale_found_while_tracing_is_not_kept():
    import jax

    quantizer = quantized_bits(4, alpha="auto")
    jax.jit(quantizer)(np.ones((3, 2), np.float32))
    assert quantizer.scale is None


def test_without_alpha_kernels_scale_themselves_in_place_too():
    for kind in (quantized_bits, quantized_linear, binary, ternary, stochastic_binary, stochastic_ternary, bernoulli):
        quantizer = kind()
        quantizer._set_trainable_parameter()
        assert quantizer.alpha == "auto_po2"
    assert quantized_bits(4).for_weights().symmetric == 1


def test_building_with_variables_makes_the_noise_factor_one():
    quantizer = quantized_bits(4)
    quantizer.build(var_name="weights", use_variables=True)
    assert isinstance(quantizer.qnoise_factor, keras.Variable)
    assert len(quantizer.state) == 1
    assert not hasattr(quantized_tanh(4), "qnoise_factor")
    with pytest.raises(InvalidValue, match="has no noise"):
        quantized_tanh(4).update_qnoise_factor(0.5)


def test_a_noise_variable_that_says_quantized_leaves_the_grid_known():
    quantizer = quantized_bits(4, use_variables=True)
    assert quantizer.grid() == quantized_bits(4).grid()
    quantizer.update_qnoise_factor(0.5)
    assert quantizer.grid() is None


def test_explain_tells_grid_step_format_and_gradient(golden):
    told = [
        quantized_bits(6, 0, alpha=1),
        quantized_bits(4, alpha="auto_po2"),
        quantized_bits(4, alpha=[0.5, 0.25]),
        quantized_bits(4, alpha=0.375),
        quantized_bits(12, alpha=0.1),
        quantized_bits(4, qnoise_factor=0.5),
        quantized_linear(4, 1),
        quantized_relu(6, 2, negative_slope=0.25),
        quantized_relu(4, 2, relu_upper_bound=1.5, is_quantized_clip=False),
        quantized_tanh(4),
        quantized_sigmoid(3),
        quantized_ulaw(4),
        quantized_hswish(6, 2),
        quantized_po2(4),
        quantized_relu_po2(8),
        binary(),
        ternary(alpha=0.5),
        stochastic_ternary(alpha="auto"),
        bernoulli(),
        quantized_bits_learnable_po2(4, init_scale=0.25, use_po2_scale_msqe_round=False),
        quantized_bits_msqe_po2(4, keep_negative=False),
    ]
    golden("quantizers/explain.txt", "\n\n".join(q.explain() for q in told) + "\n")


def test_fixed_point_rounds_half_to_even_and_automatic_scales_half_away():
    assert values(quantized_bits(4, 0), np.array([0.0625, 0.1875], np.float32)).tolist() == [0.0, 0.25]
    halves = np.array([[0.5], [1.5], [2.5], [7.0]], np.float32)
    assert values(quantized_bits(4, 0, alpha="auto"), halves).ravel().tolist() == [1.0, 2.0, 3.0, 7.0]


@pytest.mark.parametrize(
    ("helper", "more"),
    [(straight.clip_code, (-1, 1.5)), (straight.inside, (-1.0, 1.5)), (straight.positive, ()), (straight.sign, ()),
     (straight.power, ()), (straight.exact_exponent, ()), (straight.exponent_floor, ()),
     (straight.rounded_and_clipped, (8.0, -4, 3.0, 0.125)), (straight.quotient, (3.0,))],
)  # fmt: skip
def test_what_runs_at_once_computes_what_its_steps_compute_one_by_one(helper, more):
    draws = np.random.default_rng(0).normal(size=(40, 5)) * 3
    x = np.concatenate([draws, np.round(draws * 16) / 16]).astype(np.float32)
    x[0] = [0.0, -0.0, 1e30, -1e30, 1.0]
    if helper in (straight.power, straight.exact_exponent, straight.exponent_floor):
        x = np.round(x) if helper is straight.power else np.abs(x) + np.float32(1e-3)
    tensor = ops.convert_to_tensor(x)
    more = [ops.convert_to_tensor(np.float32(a)) for a in more] if helper is straight.quotient else more
    one_by_one, at_once = (ops.convert_to_numpy(f(tensor, *more)) for f in (helper.__wrapped__, helper))
    assert one_by_one.dtype == at_once.dtype
    assert np.array_equal(one_by_one.view(np.int32), at_once.view(np.int32))


def test_zero_counts_as_positive_for_signs():
    zeros = np.array([0.0, -0.0], np.float32)
    assert values(binary(), zeros).tolist() == [1.0, 1.0]
    assert values(quantized_bits(1), zeros).tolist() == [1.0, 1.0]
    assert values(quantized_po2(3), zeros).tolist() == [0.25, 0.25]


def test_one_bit_with_an_automatic_scale_is_the_binary_quantizer():
    x = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    for alpha in ("auto", "auto_po2"):
        assert np.array_equal(values(quantized_bits(1, alpha=alpha), x), values(binary(alpha=alpha), x))


def test_huge_inputs_saturate_instead_of_vanishing():
    assert values(quantized_bits(4, 0), np.array([1e20, -1e30], np.float32)).tolist() == [0.875, -1.0]


@pytest.mark.parametrize(
    "quantizer",
    [quantized_bits(4, 1, alpha="auto_po2"), quantized_po2(4), ternary(alpha="auto"), quantized_relu(4, 2)],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
def test_other_number_types_give_the_same_values(quantizer, dtype):
    x = np.array([[-2, 1], [3, 0], [1, -1]])
    np.testing.assert_allclose(values(quantizer, x.astype(dtype)), values(quantizer, x.astype("float32")), rtol=1e-3)


@pytest.mark.parametrize("kind", [quantized_bits, binary, ternary])
def test_kernels_scale_themselves_unless_alpha_is_given(kind):
    assert kind().for_weights().alpha == "auto_po2"
    for alpha in (1, 1.0, "auto"):
        quantizer = kind(alpha=alpha)
        assert quantizer.for_weights() is quantizer


def test_unknown_arguments_of_a_configuration_are_refused():
    with pytest.raises(InvalidValue, match="bitz"):
        quantized_bits.from_config({"bitz": 3})


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: quantized_bits(0),
        lambda: quantized_bits(4, alpha="automatic"),
        lambda: quantized_bits(4, alpha=float("nan")),
        lambda: quantized_bits(4, post_training_scale=1.0),
        lambda: quantized_relu(4, negative_slope=0.3),
        lambda: quantized_po2(4, log2_rounding="up"),
        lambda: quantized_po2(4, max_value=-1),
        lambda: quantized_tanh(0),
        lambda: ternary(alpha="auto", number_of_unrolls=0),
        lambda: quantized_linear(0),
        lambda: quantized_ulaw(4, u=0),
        lambda: quantized_hswish(4, relu_upper_bound=0),
        lambda: stochastic_ternary(alpha="auto", threshold=0.5),
        lambda: quantized_bits_learnable_po2(1),
        lambda: quantized_bits_learnable_po2(4, init_scale=-1),
        lambda: quantized_bits_msqe_po2(4, use_second_moments_msqe_opt=True),
        lambda: quantized_bits(4, alpha="auto_po2", scale_axis=1, elements_per_scale=2)(np.ones((3, 5))),
    ],
)
def test_impossible_settings_are_refused_with_a_remedy(wrong):
    with pytest.raises(InvalidValue, match="try:"):
        wrong()


SCALED = [
    quantized_bits(4, 0, alpha="auto"),
    quantized_bits(4, 1, alpha="auto_po2"),
    quantized_bits(3, 1, alpha=[0.3, 1.0, 2.0, 0.7]),
    quantized_bits(3, 1, alpha=[0.5, 1.0, 2.0, 0.25]),
    quantized_bits(3, 1, alpha=0.3),
    binary(alpha="auto"),
    binary(True, alpha=3.0),
    ternary(alpha="auto"),
    ternary(alpha="auto_po2"),
    quantized_bits(4, alpha="auto_po2", scale_axis=0, elements_per_scale=2),
    quantized_bits(4),
    quantized_relu(4, 1),
    quantized_po2(4),
    quantized_linear(4, 1, alpha="auto"),
    quantized_linear(4, 1, 0, alpha="auto_po2"),
    quantized_linear(1, alpha="auto"),
    quantized_linear(4, alpha=[0.3, 1.0, 2.0, 0.7]),
    stochastic_binary(alpha="auto"),
    stochastic_ternary(alpha="auto"),
    quantized_bits_msqe_po2(4, per_channel_scale=True),
]


@given(seed=st.integers(0, 1000), power=st.integers(-6, 6), index=st.integers(0, len(SCALED) - 1))
@settings(max_examples=60)
def test_factored_codes_are_dyadic_and_multiply_back_to_the_output(seed, power, index):
    quantizer: BaseQuantizer = SCALED[index]
    x = (np.random.default_rng(seed).normal(size=(6, 4)) * 2.0**power).astype(np.float32)
    z, scale = (None if t is None else ops.convert_to_numpy(t) for t in quantizer.factor(x))
    product = z if scale is None else (z * scale).astype(np.float32)
    assert np.array_equal(product, values(quantizer, x))
    # At most 8 significant bits: a dyadic grid, not floats.
    mantissa, _ = np.frexp(z.astype(np.float64))
    assert np.array_equal(mantissa * 256, np.round(mantissa * 256))
    if scale is not None:
        assert not all(Fraction(float(s)).numerator & (Fraction(float(s)).numerator - 1) == 0 for s in scale.ravel())


def test_a_power_of_two_scale_is_folded_in_and_any_other_is_factored_out():
    x = np.ones((2, 2), np.float32)
    assert quantized_bits(4, 1, alpha=0.5).factor(x)[1] is None
    assert quantized_bits(4, 1, alpha=[0.5, 2.0]).factor(x)[1] is None
    assert quantized_bits(4, 1, alpha="auto_po2").factor(x)[1] is None
    assert float(quantized_bits(4, 1, alpha=0.75).factor(x)[1]) == 0.75


def test_only_data_dependent_scales_are_not_elementwise():
    assert quantized_bits(4).elementwise
    assert quantized_relu(4, use_stochastic_rounding=True).elementwise
    assert not quantized_bits(4, alpha="auto").elementwise
    assert not ternary(alpha="auto_po2").elementwise


def test_noise_can_be_a_variable_that_is_updated():
    quantizer = quantized_bits(3, 0, qnoise_factor=0.0, use_variables=True)
    assert np.array_equal(values(quantizer), X + 0)
    quantizer.update_qnoise_factor(1.0)
    assert np.array_equal(values(quantizer), values(quantized_bits(3, 0)))
    assert quantizer.get_config()["qnoise_factor"] == 1.0
