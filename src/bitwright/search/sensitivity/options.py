"""The options of the sensitivity method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bitwright.core.errors import ConfigError

__all__ = ["Sensitivity"]

_SCORES = ("auto", "kl", "loss", "mse")
_METHODS = ("runs", "fisher")
_COSTS = ("surrogate", "compiled")


@dataclass(frozen=True)
class Sensitivity:
    """How widths are chosen from the sensitivity of each tensor.

    weights, activations, inputs: candidate widths (inputs None: as activations). score: what a quantized
    tensor costs on the calibration data: "kl" (divergence of the output's class probabilities from the
    float model's), "mse" (mean squared error of the outputs, in units of their variance), "loss" (rise of
    the model's compiled loss, which needs labels); "auto" is "kl" for softmax outputs and "mse" otherwise.
    method: "runs" runs the model once per tensor and width; "fisher" estimates the same from gradients of
    `fisher_samples` samples, without a run per candidate. samples: of the calibration data that are used
    (None: all). costs: "surrogate" counts signed digits times input bits, "compiled" compiles single layers.
    rounds: how often predicted costs are corrected by the compiled model until it keeps the limits. alpha:
    of the weight quantizers (see `Bits`). seconds: for each integer program (None: until proved).
    """

    weights: tuple[int, ...] = (2, 3, 4, 5, 6, 8)
    activations: tuple[int, ...] = (2, 3, 4, 5, 6, 8)
    inputs: tuple[int, ...] | None = None
    score: Literal["auto", "kl", "loss", "mse"] = "auto"
    method: Literal["runs", "fisher"] = "runs"
    samples: int | None = 2048
    fisher_samples: int = 64
    costs: Literal["surrogate", "compiled"] = "surrogate"
    rounds: int = 3
    alpha: Any = 1.0
    seconds: float | None = None
    batch_size: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("weights", "activations", "inputs"):
            widths = getattr(self, name)
            if widths is not None and (not widths or min(widths) < 1 or list(widths) != sorted(set(widths))):
                raise ConfigError(
                    f"{name}={widths}", where="Sensitivity", remedy="give rising widths of at least 1, as (2, 4, 6)"
                )
        for name, known in (("score", _SCORES), ("method", _METHODS), ("costs", _COSTS)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name}={getattr(self, name)!r}", where="Sensitivity", remedy=f"use {', '.join(known)}"
                )
        least = {"samples": 1, "fisher_samples": 1, "rounds": 0, "batch_size": 1}
        for name, bound in least.items():
            told = getattr(self, name)
            if told is not None and told < bound:
                raise ConfigError(f"{name}={told}", where="Sensitivity", remedy=f"give {bound} or more")

    @property
    def input_widths(self) -> tuple[int, ...]:
        """The candidate widths of the model's inputs."""
        return self.activations if self.inputs is None else self.inputs
