"""Dead training, named: layers whose weights, activations or gradients carry nothing, each with the way out.

`check` looks once, `Health` looks while a model is fitted. What they find are records (`Finding`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras
from bitwright.train.gradients import gradients
from bitwright.train.observe import as_array, layers_of, observe
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.ranges import fitting

__all__ = ["Ailment", "Finding", "Health", "HealthLimits", "HealthWarning", "check"]

Floats = NDArray[np.float32]
_FEWEST_CODES = 5  # binary and ternary values always lie at their ends


class HealthWarning(UserWarning):
    """A layer that cannot learn, or whose numbers carry almost nothing."""


class Ailment(Enum):
    """What is wrong with a layer; the value says it in words."""

    ZERO_WEIGHTS = "weights are zero after quantization"
    SATURATED_WEIGHTS = "weights lie at the ends of their format"
    ZERO_ACTIVATIONS = "outputs are zero"
    DEAD_CHANNELS = "channels are zero for every sample"
    SATURATED_ACTIVATIONS = "activations lie at the ends of their format"
    UNUSED_RANGE = "of the format's range is never reached"
    RANGE_NEVER_SET = "the range was never set"
    NO_GRADIENT = "no gradient reaches its weights"


@dataclass(frozen=True)
class Finding:
    """One layer's ailment: `what` in words and numbers, `remedy` the way out, `share` how much of it (0 to 1)."""

    layer: str
    ailment: Ailment
    share: float
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"layer '{self.layer}': {self.what}\ntry: {self.remedy}"


@dataclass(frozen=True)
class HealthLimits:
    """From which share on something is a finding.

    zero: of weights or outputs that are 0. dead: of channels that are 0 for all samples. saturated: of
    nonzero values at the ends of their format. unused_bits: leading bits that no activation reaches.
    """

    zero: float = 0.99
    dead: float = 0.5
    saturated: float = 0.5
    unused_bits: int = 2

    def __post_init__(self) -> None:
        for name in ("zero", "dead", "saturated"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidValue(f"{name}={getattr(self, name)}", where="HealthLimits", remedy="give a share up to 1")


def check(
    model: Any, x: Any = None, y: Any = None, *, limits: HealthLimits | None = None, trained: bool = True
) -> tuple[Finding, ...]:
    """What is wrong with the layers of `model`, in their order; () if nothing is.

    x: a sample of inputs. Without it only weights and ranges are looked at. y: the labels, for the
    gradients of the compiled loss (without it, of a random sum of the outputs). trained: a model that
    has not been trained yet is forgiven ranges that training sets.

    Nothing in the model changes. A pass over a few hundred samples is enough.
    """
    told = limits or HealthLimits()
    found = [*_weight_findings(model, told), *(_unset_ranges(model) if trained else ())]
    if x is not None:
        found += _activation_findings(model, x, told, {f.layer for f in found})
        found += _gradient_findings(model, x, y, found)
    order = {layer.name: place for place, layer in enumerate(layers_of(model))}
    return tuple(sorted(found, key=lambda finding: order.get(finding.layer, -1)))


class Health(keras.callbacks.Callback):
    """Checks the model before training and after every `every` epochs, and warns once of each finding.

    x, y: samples on which it looks (the first `samples` of them); without x, only at weights and
    ranges. `findings` holds all that was found so far. Example:
    `model.fit(x, y, callbacks=[bw.Health(x[:256], y[:256])])`.
    """

    def __init__(
        self, x: Any = None, y: Any = None, *, every: int = 1, samples: int = 256, limits: HealthLimits | None = None
    ) -> None:
        super().__init__()
        if every < 1 or samples < 1:
            raise InvalidValue(f"every={every}, samples={samples}", where="Health", remedy="give at least 1")
        self.every, self.limits = every, limits
        self.x, self.y = _first(x, samples), _first(y, samples)
        self.findings: list[Finding] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Look before any time is spent."""
        self._look(trained=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look after every `every` epochs."""
        if (epoch + 1) % self.every == 0:
            self._look(trained=True)

    def _look(self, trained: bool) -> None:
        known = {(finding.layer, finding.ailment) for finding in self.findings}
        for finding in check(self.model, self.x, self.y, limits=self.limits, trained=trained):
            if (finding.layer, finding.ailment) not in known:
                self.findings.append(finding)
                warnings.warn(str(finding), HealthWarning, stacklevel=3)


def _first(part: Any, samples: int) -> Any:
    return None if part is None else keras.tree.map_structure(lambda a: np.asarray(a)[:samples], part)


# ---- weights -----------------------------------------------------------------------------------------


def _weight_findings(model: Any, limits: HealthLimits) -> Iterator[Finding]:
    for layer in layers_of(model):
        for name, values, quantizer, source in _quantized(layer):
            zero = float((values == 0).mean())
            if zero >= limits.zero and name != "bias":
                yield _zero_weights(layer, name, zero, quantizer, source)
                continue
            ends = _at_ends(values, quantizer)
            if ends is not None and ends >= limits.saturated and name != "bias":
                what = f"{ends:.0%} of the nonzero values of '{name}' lie at the ends of {quantizer}"
                yield Finding(
                    layer.name, Ailment.SATURATED_WEIGHTS, ends, what,
                    "give its quantizer another integer bit, or alpha='auto_po2' to find a scale",
                )  # fmt: skip


def _quantized(layer: Any) -> Iterator[tuple[str, Floats, Any, Floats]]:
    """(name, quantized values, quantizer, float values) of each weight that the layer quantizes."""
    if not (layer.built and hasattr(layer, "quantized_weights")):
        return
    holder = getattr(layer, "cell", layer)
    quantizers = {role.attribute: getattr(holder, role.quantizer, None) for role in getattr(holder, "roles", ())}
    for name, tensor in layer.quantized_weights().items():
        quantizer, variable = quantizers.get(name), getattr(holder, name, None)
        if quantizer is not None and tensor.z.size and variable is not None:
            values = tensor.z if tensor.scale is None else tensor.z * tensor.scale
            yield name, values, quantizer, as_array(variable)


def _zero_weights(layer: Any, name: str, share: float, quantizer: Any, source: Floats) -> Finding:
    top, bits = float(np.abs(source).max(initial=0.0)), getattr(quantizer, "bits", None)
    if top == 0:
        remedy = "initialize it (kernel_initializer='he_normal') or load the weights"
    elif bits is None or not hasattr(quantizer, "integer"):
        remedy = "use alpha='auto_po2', which finds the scale of the weights"
    else:
        remedy = f"give its quantizer integer={fitting(source, bits)}, or alpha='auto_po2'"
    what = f"{share:.0%} of '{name}' are 0 after {quantizer}, while the float weights reach {top:.3g}"
    return Finding(layer.name, Ailment.ZERO_WEIGHTS, share, what, remedy)


def _at_ends(values: Floats, quantizer: Any) -> float | None:
    """The share of nonzero values at the ends of the quantizer's grid; None where that means nothing."""
    grid = quantizer.grid() if isinstance(quantizer, BaseQuantizer) else None
    if grid is None or grid.high - grid.low + 1 < _FEWEST_CODES or not (values != 0).any():
        return None
    low, high = float(grid.low * grid.step), float(grid.high * grid.step)
    ends = (values >= high) | ((values <= low) & (grid.low < 0))
    return float(ends[values != 0].mean())


def _unset_ranges(model: Any) -> Iterator[Finding]:
    """Layers that learn their range in training and have seen none."""
    for layer in layers_of(model):
        if not (hasattr(layer, "ema_min") and hasattr(layer, "ema_max")):
            continue
        if not (as_array(layer.ema_min).any() or as_array(layer.ema_max).any()):
            yield Finding(
                layer.name, Ailment.RANGE_NEVER_SET, 1.0, "its range was never set: no training step has passed it",
                "train the model, or set the range from data with bw.calibrate(model, x)",
            )  # fmt: skip


# ---- activations -------------------------------------------------------------------------------------


@dataclass
class _Passed:
    """What passed one layer or quantizer: counts over all that it yielded."""

    layer: Any
    quantizer: Any
    read: bool = False
    total: int = 0
    zeros: int = 0
    at_ends: int = 0
    top: float = 0.0
    alive: NDArray[np.bool_] | None = field(default=None)

    def add(self, given: Floats, out: Floats) -> None:
        """Count another batch."""
        self.read |= bool(given.any())
        zeros = out == 0
        self.total, self.zeros = self.total + out.size, self.zeros + int(zeros.sum())
        self.top = max(self.top, float(np.abs(out).max(initial=0.0)))
        ends = _at_ends(out, self.quantizer)
        self.at_ends += 0 if ends is None else round(ends * float((~zeros).sum()))
        alive = (~zeros).reshape(-1, out.shape[-1]).any(axis=0)
        self.alive = alive if self.alive is None else self.alive | alive


def _activation_findings(model: Any, x: Any, limits: HealthLimits, known: set[str]) -> list[Finding]:
    passed: dict[tuple[int, bool], _Passed] = {}

    def listen(layer: Any, quantizer: Any, given: Any, out: Any) -> None:
        key = (id(layer), quantizer is None)
        given, out = as_array(given), as_array(out)
        if out.ndim > 1:
            passed.setdefault(key, _Passed(layer, quantizer)).add(given, out)

    observe(model, x, listen)
    found: dict[tuple[str, Ailment], Finding] = {}
    for one in passed.values():
        for finding in _judged(one, limits):
            if not (finding.layer in known and finding.ailment is Ailment.ZERO_ACTIVATIONS):
                found.setdefault((finding.layer, finding.ailment), finding)
    return list(found.values())


def _judged(one: _Passed, limits: HealthLimits) -> Iterator[Finding]:
    if not one.read or one.alive is None:
        return  # a layer that reads zeros is the victim, not the cause
    name, zero, dead = one.layer.name, one.zeros / one.total, float((~one.alive).mean())
    if zero >= limits.zero:
        what = f"{zero:.0%} of its outputs are 0{_behind(one)} on the sample"
        yield Finding(name, Ailment.ZERO_ACTIVATIONS, zero, what, _zero_remedy(one))
    elif dead >= limits.dead:
        count = int((~one.alive).sum())
        what = f"{count} of its {one.alive.size} channels are 0{_behind(one)} for every sample"
        yield Finding(name, Ailment.DEAD_CHANNELS, dead, what, _zero_remedy(one))
    yield from _judged_range(one, limits)


def _behind(one: _Passed) -> str:
    return "" if one.quantizer is None else f" after {one.quantizer}"


def _zero_remedy(one: _Passed) -> str:
    if one.quantizer is None:
        return "lower the learning rate, or give the layer before it a positive bias"
    return "set its range from data with bw.calibrate(model, x); if it is a ReLU, lower the learning rate as well"


def _judged_range(one: _Passed, limits: HealthLimits) -> Iterator[Finding]:
    alive = one.total - one.zeros
    grid = one.quantizer.grid() if one.quantizer is not None else None
    if grid is None or alive == 0 or grid.high - grid.low + 1 < _FEWEST_CODES:
        return
    share, end = one.at_ends / alive, float(max(abs(grid.low), abs(grid.high)) * grid.step)
    if share >= limits.saturated:
        what = f"{share:.0%} of its nonzero activations lie at the ends of {one.quantizer}"
        remedy = "set its range from data with bw.calibrate(model, x), or give it more integer bits"
        yield Finding(one.layer.name, Ailment.SATURATED_ACTIVATIONS, share, what, remedy)
    unused = int(np.floor(np.log2(end / one.top)))
    if unused >= limits.unused_bits and hasattr(one.quantizer, "integer"):
        what = f"its activations reach {one.top:.3g} of {end:.3g}: {unused} bits of {one.quantizer} are never used"
        remedy = f"take {unused} integer bits off, or set the range from data with bw.calibrate(model, x)"
        yield Finding(one.layer.name, Ailment.UNUSED_RANGE, 1 - one.top / end, what, remedy)


# ---- gradients ---------------------------------------------------------------------------------------


def _gradient_findings(model: Any, x: Any, y: Any, found: Iterable[Finding]) -> Iterator[Finding]:
    variables = model.trainable_variables
    if not variables:
        return
    flows = {id(v): bool(g.any()) for v, g in zip(variables, gradients(model, x, y), strict=True)}
    dead = {Ailment.ZERO_ACTIVATIONS, Ailment.ZERO_WEIGHTS, Ailment.SATURATED_ACTIVATIONS}
    causes = [finding.layer for finding in found if finding.ailment in dead]
    remedy = f"heal layer '{causes[0]}' first: it lets nothing through" if causes else (
        "look for a saturated activation or a zero weight behind it, and check that the loss depends on it"
    )  # fmt: skip
    for layer in layers_of(model):
        own = [id(v) for v in layer.trainable_variables if id(v) in flows]
        if own and not any(flows[key] for key in own):
            yield Finding(layer.name, Ailment.NO_GRADIENT, 1.0, "the gradients of all its weights are 0", remedy)
