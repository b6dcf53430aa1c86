"""One saved model means the same on JAX, TensorFlow and torch, and survives a new process bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("one_backend.py")
BACKENDS = ("jax", "tensorflow", "torch")


def run(backend, act, folder):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), act, str(folder)], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("backends")
    run("jax", "make", place)
    run("jax", "use", place)
    return place


def used(folder, backend):
    if not (folder / f"{backend}-use.npz").exists():
        run(backend, "use", folder)
    return np.load(folder / f"{backend}-use.npz")


@pytest.mark.parametrize(
    "backend",
    # On JAX tests/unit/frontends/test_model_files.py claims the same in every run, with one process instead of three.
    [pytest.param(b, marks=pytest.mark.long if b == "jax" else pytest.mark.backend) for b in BACKENDS],
)
def test_a_trained_model_predicts_the_same_bits_in_a_new_process(folder, backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    used(folder, backend)
    run(backend, "again", folder)
    before, after = np.load(folder / f"{backend}-trained.npz"), np.load(folder / f"{backend}-again.npz")
    assert set(before.files) == set(after.files)
    for name in before.files:
        assert np.array_equal(before[name], after[name]), name


@pytest.mark.backend
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_all_backends_find_the_same_integers_and_the_same_scales(folder, backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    ours, theirs = used(folder, "jax"), used(folder, backend)
    for name in ours.files:
        if name != "scaled":
            assert np.array_equal(ours[name], theirs[name]), name
    # acc * scale + bias may be contracted to one rounding or not: a code may move, by one step at most.
    codes = [np.round(found["scaled"] * 16) for found in (ours, theirs)]
    assert np.array_equal(codes[0], ours["scaled"] * 16)
    assert np.abs(codes[0] - codes[1]).max() <= 1
    assert (codes[0] != codes[1]).mean() <= 0.01
