"""HLS C++ that no compiler would finish is refused before anything is unrolled, with what would fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import Unsupported
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.hls_size import MOST_CONSTANTS, MOST_STATEMENTS, check_size, predicted_size
from bitwright.flow.matrix import compile_matrix


def design(inputs: int, outputs: int) -> Any:
    """A constant matrix without zeros."""
    weights = np.random.default_rng(0).integers(1, 4, (inputs, outputs))
    return compile_matrix(weights.tolist(), input_format="s4.0", name="matrix")


def test_a_product_counts_as_a_statement_and_loops_count_weights() -> None:
    made = design(8, 6)
    assert predicted_size(made).statements == pytest.approx(48, abs=40)
    assert predicted_size(made, "resource").constants == 48
    actual = hls_files(made, vectors=1).files["matrix.cpp"].count(" = ")
    assert predicted_size(made).statements / 2 < actual < predicted_size(made).statements * 2


def test_what_is_too_large_to_unroll_is_refused_and_loops_are_not() -> None:
    made = design(600, 400)
    with pytest.raises(Unsupported, match=r"matrix, most in .*(.|\n)*strategy='resource'"):
        hls_files(made, Hls(), vectors=1)
    assert predicted_size(made).statements > MOST_STATEMENTS
    assert check_size(made, "resource").constants == 240_000 < MOST_CONSTANTS


def test_weights_without_end_are_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitwright.flow.hls_size.MOST_CONSTANTS", 47)
    with pytest.raises(Unsupported, match="48 weights in headers"):
        hls_files(design(8, 6), Hls(strategy="resource"), vectors=1)
