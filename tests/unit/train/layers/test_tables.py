"""Table neurons: what the layer computes, its gradients, and the facts that penalties read."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.train.gradients import gradients
from bitwright.train.health import check
from bitwright.train.layers.tables_lookup import looked_up
from bitwright.train.layers.tables_shape import grouped, hats, quantile_levels

RNG = np.random.default_rng(0)


def array(x):
    return np.asarray(ops.convert_to_numpy(x))


def built(*args, inputs=5, seed=0, **more):
    """A layer with fractions of several sizes, some of which leave no more than a number of a table."""
    keras.utils.set_random_seed(seed)
    layer = bw.QTableDense(*args, **more)
    layer.build((None, inputs))
    layer.fractions.assign(np.random.default_rng(seed).integers(-3, 5, layer.fractions.shape).astype(np.float32))
    return layer


def samples(count=300, inputs=5):
    x = RNG.normal(size=(count, inputs)) * 1.5
    x[::3] = np.rint(x[::3] * 4) / 4
    return x.astype(np.float32)


@pytest.mark.parametrize(("members", "bits", "pairings"), [(1, 4, 1), (2, 3, 2), (3, 2, 1), (2, 2, [(0, 4), (4, 0)])])
@pytest.mark.parametrize("smooth", [True, False])
def test_a_neuron_is_the_sum_of_its_tables_at_the_codes_of_its_inputs(members, bits, pairings, smooth):
    layer = built(4, members, bits, pairings=pairings, smooth=smooth)
    layer.bias.assign([0.3, -1.2, 0.0, 2.0])
    x, found = samples(), layer.table_codes()
    code = np.clip(np.floor(x / (4.0 / 2**bits)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(int) + 2 ** (bits - 1)
    total = found.bias * 0.5**found.bias_fractions
    for table, group in enumerate(found.groups):
        address = sum(code[:, member] << (bits * place) for place, member in enumerate(reversed(group)))
        total = total + found.entries[table, address] * 0.5 ** found.fractions[table]
    assert np.array_equal(array(layer(x)), total)
    assert np.array_equal(array(layer.codes(x)), code)


def test_leading_axes_are_samples():
    layer, x = built(3), samples(12)
    assert np.array_equal(array(layer(x.reshape(2, 6, 5))).reshape(12, 3), array(layer(x)))
    assert layer.compute_output_shape((None, 6, 5)) == (None, 6, 3)


def test_a_new_layer_is_a_dense_layer_on_coarse_inputs():
    keras.utils.set_random_seed(1)
    layer = bw.QTableDense(3, 2, 5, 4.0, fraction=12)
    layer.build((None, 4))
    x = RNG.uniform(-3, 3, (200, 4)).astype(np.float32)
    middle = np.floor(x * 4) / 4 + 0.125
    fitted, *_ = np.linalg.lstsq(middle, array(layer(x)), rcond=None)
    assert np.abs(middle @ fitted - array(layer(x))).max() < 0.01
    assert fitted.std() > 0.1


def test_entries_get_the_exact_gradient_of_the_sum():
    layer, x = built(2, smooth=False, train_fractions=False), samples(50)
    model = keras.Sequential([keras.Input((5,)), layer])
    flows = dict(zip([v.name for v in model.trainable_variables], gradients(model, x), strict=True))
    upstream = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32) / 100
    code = array(layer.codes(x)).astype(int)
    expected = np.zeros((3, 64, 2))
    for table, (a, b) in enumerate(layer.groups):
        np.add.at(expected[table], code[:, a] * 8 + code[:, b], upstream)
    assert np.allclose(flows["tables"], expected, atol=1e-6)
    assert np.allclose(flows["bias"], upstream.sum(axis=0), atol=1e-6)


def test_inputs_get_the_slope_between_the_neighbors_of_the_entry_and_none_far_outside():
    entries = np.arange(4, dtype=np.float32)[None, :, None] ** 2
    levels = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)
    inner = bw.QTableDense(1, 1, 2, 2.0, fraction=12, smooth=False, use_bias=False)
    scale = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((1,)), scale, inner])
    scale.kernel.assign([[1.0]])
    inner.tables.assign(entries)
    assert np.array_equal(array(inner.levels), levels)
    for x, slope in ((-2.9, 0.0), (-1.5, 1.0), (-0.5, 2.0), (0.5, 4.0), (1.5, 5.0), (2.9, 0.0)):
        flow = gradients(model, np.array([[x]], dtype=np.float32))[0]
        upstream = np.random.default_rng(0).normal(size=(1, 1))
        assert np.isclose(flow.item(), slope * x * upstream.item(), rtol=1e-5), x


def test_equal_levels_give_no_infinite_slope():
    x, levels = np.zeros((3, 1), np.float32), np.zeros((1, 3), np.float32)
    y = looked_up(ops.convert_to_tensor(x), ops.ones((1, 4, 1)), ops.convert_to_tensor(levels), ((0,),), 2)
    assert np.array_equal(array(y), np.ones((3, 1)))
    layer = built(1, 1, 2, inputs=1, smooth=False)
    layer.levels.assign(levels)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1), layer])
    assert all(np.isfinite(flow).all() for flow in gradients(model, x))


def test_hats_add_up_to_any_table_without_rounding():
    for bits, members in ((1, 1), (3, 2), (2, 3), (6, 1)):
        found = hats(bits, members)
        assert np.linalg.matrix_rank(found) == 1 << (bits * members)
        assert np.array_equal(found * 2.0 ** (bits * members) % 1, np.zeros_like(found))
        assert np.abs(found).sum(axis=1).max() <= bits + 1


def test_groups_deal_all_inputs_and_refuse_what_is_not_there():
    assert grouped(6, 2, 1, 0) == ((0, 1), (2, 3), (4, 5))
    twice = grouped(7, 3, 2, 4)
    assert len(twice) == 6
    assert {i for group in twice[3:] for i in group} == set(range(7))
    with pytest.raises(InvalidValue, match="table of the inputs"):
        grouped(4, 2, [(0, 4)], 0)
    with pytest.raises(InvalidValue, match="address bits"):
        bw.QTableDense(3, 3, 5)
    with pytest.raises(InvalidValue, match="power of two"):
        bw.QTableDense(3, input_range=3.0)


def test_calibration_gives_every_code_equally_many_samples():
    layer, x = built(3, 1, 3), RNG.gamma(2.0, size=(4000, 5)).astype(np.float32)
    layer.calibrate(x, fraction=8)
    counts = np.stack([np.bincount(c, minlength=8) for c in array(layer.codes(x)).astype(int).T])
    assert np.abs(counts - 500).max() < 60
    assert np.array_equal(quantile_levels(x, 3, 8) * 256 % 1, np.zeros((5, 7)))


def test_table_facts_count_bits_and_take_gradients():
    layer = built(2, 2, 1, inputs=2, smooth=False, use_bias=False)
    layer.fractions.assign([[2.0, 2.0]])
    layer.tables.assign(np.array([[[0, 0], [1, 0], [2, 0], [3, 0.1]]], dtype=np.float32))
    assert np.allclose(array(layer.table_bits()), [[np.log2(13), 0.0]])
    assert np.array_equal(array(layer.input_widths()), [[2.0, 0.0]])
    assert array(layer.table_luts()) == pytest.approx(np.log2(13))
    codes = layer.table_codes()
    assert codes.entries[0, :, 0].tolist() == [0, 4, 8, 12]


def test_a_penalty_on_luts_makes_a_layer_smaller():
    keras.utils.set_random_seed(0)

    class Penalized(bw.QTableDense):
        def call(self, inputs):
            self.add_loss(0.05 * self.table_luts())
            return super().call(inputs)

    layer = Penalized(3)
    x = samples(256, 6)
    y = 0.2 * x @ RNG.normal(size=(6, 3)).astype(np.float32)
    whole = keras.Sequential([keras.Input((6,)), layer])
    whole.compile(keras.optimizers.Adam(0.1), "mse")
    before = float(array(layer.table_luts()))
    whole.fit(x, y, batch_size=64, epochs=8, verbose=0)
    assert float(array(layer.table_luts())) < 0.9 * before
    assert float(array(layer.fractions).mean()) < 6.0


def test_a_model_learns_what_no_sum_of_single_inputs_is():
    keras.utils.set_random_seed(0)
    x = RNG.uniform(-2, 2, (2000, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.float32)
    model = keras.Sequential([keras.Input((2,)), bw.QTableDense(1)])
    model.compile(keras.optimizers.Adam(0.05), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=250, epochs=6, verbose=0)
    assert ((model.predict(x, verbose=0)[:, 0] > 0) == y).mean() > 0.97


def test_it_is_saved_configured_and_healthy(tmp_path):
    model = keras.Sequential(
        [keras.Input((5,)), built(4, 2, 3, pairings=[(0, 1), (2, 4)], seed=3), built(2, 1, 4, inputs=4)]
    )
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    x = samples(64)
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    layer = model.layers[0]
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    assert not [f for f in check(model, x) if "gradient" in f.what]
