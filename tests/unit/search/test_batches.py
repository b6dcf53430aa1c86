"""Batches of one size: who is left out, and what is never touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitwright.search.autoqkeras.batches import even, even_size


def arrays(count: int) -> dict[str, Any]:
    return {"x": np.arange(3 * count).reshape(count, 3), "y": np.arange(count), "sample_weight": np.ones(count)}


def test_a_small_remainder_is_left_out_of_all_arrays_alike() -> None:
    told = even({**arrays(1010), "batch_size": 100})
    assert [len(told[name]) for name in ("x", "y", "sample_weight")] == [1000] * 3
    assert np.array_equal(told["x"], arrays(1010)["x"][:1000])


@pytest.mark.parametrize(
    "more",
    [{"batch_size": 300}, {"batch_size": 4000}, {"batch_size": 100, "steps_per_epoch": 5}],
)
def test_a_large_remainder_a_single_batch_and_told_steps_keep_all_samples(more: dict[str, Any]) -> None:
    assert len(even({**arrays(1010), **more})["x"]) == 1010


def test_several_inputs_are_cut_alike_and_data_that_are_no_arrays_are_left_alone() -> None:
    told = even({"x": [np.ones((65, 2)), np.ones((65, 3))], "y": {"a": np.ones(65)}})
    assert [len(part) for part in (*told["x"], told["y"]["a"])] == [64, 64, 64]
    generator = iter([1])
    assert even({"x": generator, "epochs": 3}) == {"x": generator, "epochs": 3}


def test_validation_sees_every_sample_in_batches_that_divide_them() -> None:
    validation = (np.ones((20000, 3)), np.ones(20000))
    told = even({**arrays(2048), "batch_size": 1024, "validation_data": validation})
    assert told["validation_batch_size"] == 1000
    assert told["validation_data"] is validation


def test_a_share_for_validation_is_cut_off_as_keras_does_it() -> None:
    told = even({**arrays(2001), "batch_size": 100, "validation_split": 0.25})
    assert "validation_split" not in told
    assert told["validation_batch_size"] == 167
    assert [len(part) for part in told["validation_data"]] == [501] * 3
    assert told["validation_data"][1][0] == 1500
    assert len(told["x"]) == len(told["y"]) == 1500


def test_a_batch_size_of_validation_that_was_told_stays() -> None:
    told = {**arrays(64), "validation_data": (np.ones((99, 3)), np.ones(99)), "validation_batch_size": 17}
    assert even(told)["validation_batch_size"] == 17


@pytest.mark.parametrize("total", [1, 31, 32, 33, 97, 1000, 4096, 65537])
@pytest.mark.parametrize("wanted", [1, 32, 100, 1024])
def test_the_even_size_divides_or_is_the_wanted_one(total: int, wanted: int) -> None:
    size = even_size(total, wanted)
    assert size == wanted or (total % size == 0 and wanted / 2 <= size <= 2 * wanted)
