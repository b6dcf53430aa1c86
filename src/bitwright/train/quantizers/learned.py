"""Power-of-two scales that training finds: by gradient, or by the least squared error on each call.

Source: arXiv 2210.03671 ("Overcoming Oscillations in Quantization-Aware Training" builds on the same
gradient; see also TQT, arXiv 1903.08066), and google/qkeras, experimental/quantizers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from math import log, log2
from typing import Any, ClassVar

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import Parts, Scaled
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.straight import (
    EPSILON,
    clip_code,
    exact_exponent,
    is_concrete,
    positive,
    power,
    straight,
)

__all__ = ["quantized_bits_learnable_po2", "quantized_bits_msqe_po2"]

_TRAINED = ("scale_exponent", "start", "started")
_STABLE = ("stable_scale_exponent", "switch_to_stable_scale", "should_update_stable_scale_exponent")
_SWITCHES = ("started", *_STABLE[1:])


class _Exponents(keras.layers.Layer):
    """The variables of one quantizer; as a layer it is tracked, saved and trained wherever it is held.

    The exponent in use is `start + scale_exponent`: data set `start` once, gradients move the other.
    (A trainable variable cannot be set within a training step that must be free of side effects.)
    """

    def __init__(self, quantizer: _Po2Scaled) -> None:
        super().__init__(name="scale")
        self.names = [*(_TRAINED if quantizer.is_trained else ())]
        self.names += _STABLE if quantizer.use_stable_scale_exponent else ()
        self.first: dict[str, float] = {}
        if quantizer.init_scale is not None:
            self.first = {"start": log2(quantizer.init_scale), "started": 1.0}
        self.variable: dict[str, Any] = {}
        if not quantizer.per_channel_scale:
            self.prepare(())

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Make the variables, one exponent for each group of elements, unless they are there."""
        if self.variable:
            return
        made = {name: self._made(name, shape) for name in self.names}
        self.variable = made
        self.built = True

    def _made(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(
            shape=() if name in _SWITCHES else shape,
            initializer=keras.initializers.Constant(self.first.get(name, 0.0)),
            trainable=name == _TRAINED[0],
            name=name,
        )

    def load_own_variables(self, store: Any) -> None:
        """Take the variables of a file, whose shapes no call may have told yet."""
        if len(store.keys()):
            self.prepare(tuple(store["0"].shape))
        super().load_own_variables(store)


class _Po2Scaled(Scaled):
    """Integers times a power of two, symmetric around 0; without negatives a ReLU comes first."""

    alpha = "auto_po2"
    shown = 1
    positional = 1
    is_trained: ClassVar[bool] = False
    bits: int
    keep_negative: bool
    scale_axis: int | None
    per_channel_scale: bool
    init_scale: float | None
    use_stable_scale_exponent: bool
    stable_scale_ema_decay: float
    use_outlier_mask_msqe_weight: bool

    def _setup(self, bits: int, use_second_moments_msqe_opt: bool, init_scale: float | None) -> None:
        name = type(self).__name__
        if bits < 2:
            raise InvalidValue(f"bits={bits} leaves no magnitude", where=name, remedy="use at least 2")
        if init_scale is not None and init_scale <= 0:
            raise InvalidValue(f"init_scale={init_scale}", where=name, remedy="use a positive one, or None")
        if use_second_moments_msqe_opt:
            raise InvalidValue(
                "second moments of gradients cannot weight the error",
                where=name,
                why="they would be kept by the backward pass, which has no state in Keras 3",
                remedy="leave out use_second_moments_msqe_opt",
            )
        self.bits, self.use_second_moments_msqe_opt, self.init_scale = int(bits), False, init_scale
        self._held = _Exponents(self) if self.is_trained or self.use_stable_scale_exponent else None

    @property
    def state(self) -> list[Any]:
        """The layer that holds the variables, if there are any."""
        return [*super().state, *([] if self._held is None else [self._held])]

    @property
    def qp(self) -> int:
        """The greatest code."""
        return 2 ** (self.bits - 1) - 1 if self.keep_negative else 2**self.bits - 1

    @property
    def qn(self) -> int:
        """The magnitude of the least code."""
        return self.qp if self.keep_negative else 0

    def max(self) -> float:
        """The greatest value of the last eager call's largest scale; 1 before."""
        return 1.0 if self._scale is None else float(ops.convert_to_numpy(self._scale).max()) * self.qp

    def min(self) -> float:
        """-max(), or 0 without negatives."""
        return -self.max() if self.keep_negative else 0.0

    def _base_grid(self) -> Grid:
        return Grid(Fraction(1), -self.qn, self.qp)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        x = x if self.keep_negative else ops.relu(x)
        exponent, carrier = self._exponent(x)
        exponent = self._stable(exponent)
        scale = power(exponent)
        inner = x / scale
        whole = ops.round(inner)
        code = clip_code(whole, -self.qn, self.qp)
        mask = ops.cast(whole == code, x.dtype)
        through = x * ops.stop_gradient(mask)
        if carrier is not None:
            # The derivative of scale * code by the exponent, x / scale passing straight through.
            moved = straight(scale, carrier * ops.stop_gradient(log(2.0) * scale))
            through = through + moved * ops.stop_gradient(code - mask * inner)
        return Parts(code, through, scale, True)

    @abstractmethod
    def _exponent(self, x: Any) -> tuple[Any, Any]:
        """The whole exponent for `x`, and a tensor whose gradient moves it (None: nothing is trained)."""

    def prepare(self, shape: Any) -> None:
        """Make the variables for tensors of this shape, where each channel has a scale of its own."""
        if self._held is not None:
            axes = self._axes(len(shape))
            self._held.prepare(tuple(1 if a in axes else n for a, n in enumerate(shape)))

    def _axes(self, rank: int) -> tuple[int, ...]:
        """The axes over which one scale holds."""
        if not self.per_channel_scale:
            return tuple(range(rank))
        first = keras.config.image_data_format() == "channels_first"
        kept = (0 if first else rank - 1) if self.scale_axis is None else self.scale_axis % rank
        return tuple(a for a in range(rank) if a != kept)

    def _over(self, reduction: Callable[..., Any], x: Any) -> Any:
        """`reduction` over each group; shaped like the exponents."""
        return reduction(x, axis=self._axes(len(x.shape)), keepdims=self.per_channel_scale)

    def _variables(self, x: Any) -> dict[str, Any]:
        if self._held is None:
            return {}
        self.prepare(x.shape)
        return self._held.variable

    def _error(self, x: Any, exponent: Any, mask: Any) -> Any:
        """The squared error of each group with this exponent, outliers left out."""
        scale = power(exponent)
        error = x - clip_code(ops.round(x / scale), -self.qn, self.qp) * scale
        return self._over(ops.sum, error * error * mask)

    def _stable(self, exponent: Any) -> Any:
        """With use_stable_scale_exponent: the moving average of the exponent, updated and used on request."""
        if not self.use_stable_scale_exponent:
            return exponent
        stable, switch, update = (self._held.variable[name] for name in _STABLE)  # type: ignore[union-attr]
        keep = self.stable_scale_ema_decay
        averaged = keep * stable + (1.0 - keep) * exponent
        moving = ops.logical_and(update != 0, switch == 0)
        averaged = ops.where(moving, averaged, ops.convert_to_tensor(stable))
        stable.assign(averaged)
        return ops.where(switch != 0, ops.round(averaged), exponent)


@public("bitwright.quantizers")
class quantized_bits_learnable_po2(_Po2Scaled):
    """Integers of `bits` bits times a power of two whose exponent is trained by gradient.

    The layer that holds the quantizer tracks, saves and trains the variable. It starts at log2 of
    init_scale, or of three deviations of the first input over the greatest code (at least
    min_init_scale). The exponent in use is the variable rounded to whichever neighbor gives the lower
    squared error (use_po2_scale_msqe_round; outliers beyond the format are left out of the error with
    use_outlier_mask_msqe_weight), else up (use_po2_scale_ceil), else to the nearest. Rounding for the
    error needs the tensor, so an activation that is to become hardware needs
    use_po2_scale_msqe_round=False. keep_negative=False puts a ReLU first. per_channel_scale gives each
    index of scale_axis (default: the last axis) a scale of its own.

    use_stable_scale_exponent keeps a moving average of the exponent in variables that a program switches.
    use_second_moments_msqe_opt must be False; use_sqrt_of_msqe_weight and second_moments_ema_decay would
    belong to it and do nothing.

    Source: google/qkeras, experimental/quantizers, `quantized_bits_learnable_po2`.
    """

    is_trained = True
    gradient = "1 inside the range, 0 beyond; the scale's exponent is trained (TQT)"

    def __init__(
        self,
        bits: int = 4,
        keep_negative: bool = True,
        scale_axis: int | None = None,
        per_channel_scale: bool = False,
        init_scale: float | None = None,
        use_second_moments_msqe_opt: bool = False,
        second_moments_ema_decay: float = 0.999,
        use_sqrt_of_msqe_weight: bool = True,
        use_outlier_mask_msqe_weight: bool = True,
        use_stable_scale_exponent: bool = False,
        stable_scale_ema_decay: float = 0.99,
        min_init_scale: float | None = 0.00001,
        use_po2_scale_ceil: bool = True,
        use_po2_scale_msqe_round: bool = True,
    ) -> None:
        self.keep_negative, self.scale_axis = bool(keep_negative), scale_axis
        self.per_channel_scale, self.second_moments_ema_decay = bool(per_channel_scale), second_moments_ema_decay
        self.use_sqrt_of_msqe_weight = bool(use_sqrt_of_msqe_weight)
        self.use_outlier_mask_msqe_weight = bool(use_outlier_mask_msqe_weight)
        self.use_stable_scale_exponent = bool(use_stable_scale_exponent)
        self.stable_scale_ema_decay, self.min_init_scale = float(stable_scale_ema_decay), min_init_scale
        self.use_po2_scale_ceil = bool(use_po2_scale_ceil)
        self.use_po2_scale_msqe_round = bool(use_po2_scale_msqe_round)
        self._setup(bits, use_second_moments_msqe_opt, init_scale)

    @property
    def elementwise(self) -> bool:
        """Whether the scale is settled and depends on no data any more."""
        started = self._settled("started")
        return not self.use_po2_scale_msqe_round and started is not None and bool(started)

    @property
    def differs_along(self) -> tuple[int, ...]:
        """The axes, counted from the last (-1), along which a settled scale differs."""
        shape = np.shape(self._settled("start")) if self.elementwise else ()
        return tuple(axis - len(shape) for axis, length in enumerate(shape) if length > 1)

    def grid(self) -> Grid | None:
        """The values that can come out: None until the scale is settled and one for all."""
        if not self.elementwise or self.differs_along:
            return None
        exponent = float(ops.convert_to_numpy(self._rounded(*self._terms())).item())
        return self._base_grid().scaled(Fraction(2) ** int(exponent))

    def _settled(self, name: str) -> Any:
        held = None if self._held is None else self._held.variable.get(name)
        value = None if held is None else ops.convert_to_tensor(held)
        return ops.convert_to_numpy(value) if value is not None and is_concrete(value) else None

    def _terms(self) -> tuple[Any, Any]:
        assert self._held is not None
        return self._held.variable["start"], self._held.variable["scale_exponent"]

    def _rounded(self, start: Any, moved: Any) -> Any:
        return (ops.ceil if self.use_po2_scale_ceil else ops.round)(start + moved)

    def _exponent(self, x: Any) -> tuple[Any, Any]:
        held = self._variables(x)
        still = ops.stop_gradient(x)
        start = ops.convert_to_tensor(held["start"])
        if self.init_scale is None:
            start = ops.where(held["started"] != 0, start, self._first(still))
            held["start"].assign(start)
            held["started"].assign(1.0)
        moved = ops.convert_to_tensor(held["scale_exponent"])
        whole = ops.stop_gradient(start + moved)
        if not self.use_po2_scale_msqe_round:
            return (ops.ceil if self.use_po2_scale_ceil else ops.round)(whole), moved
        mask = ops.ones_like(x)
        if self.use_outlier_mask_msqe_weight:
            mask = ops.cast(ops.abs(still) <= 2.0**whole * (self.qp + 0.5), x.dtype)
        low, high = ops.floor(whole), ops.ceil(whole)
        return ops.where(self._error(still, low, mask) < self._error(still, high, mask), low, high), moved

    def _first(self, x: Any) -> Any:
        scale = self._over(ops.std, x) * (3.0 / self.qp)
        least = EPSILON if self.min_init_scale is None else self.min_init_scale
        return ops.log2(ops.maximum(scale, least))


@public("bitwright.quantizers")
class quantized_bits_msqe_po2(_Po2Scaled):
    """Integers of `bits` bits times the power of two with the least squared error, found on each call.

    The search starts at init_scale, or at the largest magnitude over the greatest code; num_lls_iters
    rounds of least squares follow, and with should_line_search all exponents within half of
    line_search_range of the best. use_outlier_mask_msqe_weight leaves out of the error what lies beyond
    outlier_mask_sigma deviations. The other arguments are those of `quantized_bits_learnable_po2`.
    Unlike QKeras's, the search does not start where the last call ended: equal tensors give equal scales.

    Source: google/qkeras, experimental/quantizers, `quantized_bits_msqe_po2`.
    """

    gradient = "1 inside the range, 0 beyond"

    def __init__(
        self,
        bits: int = 4,
        keep_negative: bool = True,
        scale_axis: int | None = None,
        per_channel_scale: bool = False,
        init_scale: float | None = None,
        use_second_moments_msqe_opt: bool = False,
        second_moments_ema_decay: float = 0.999,
        use_sqrt_of_msqe_weight: bool = True,
        use_outlier_mask_msqe_weight: bool = True,
        use_stable_scale_exponent: bool = False,
        stable_scale_ema_decay: float = 0.99,
        outlier_mask_sigma: float = 2.0,
        num_lls_iters: int = 3,
        should_line_search: bool = True,
        line_search_range: int = 6,
    ) -> None:
        self.keep_negative, self.scale_axis = bool(keep_negative), scale_axis
        self.per_channel_scale, self.second_moments_ema_decay = bool(per_channel_scale), second_moments_ema_decay
        self.use_sqrt_of_msqe_weight = bool(use_sqrt_of_msqe_weight)
        self.use_outlier_mask_msqe_weight = bool(use_outlier_mask_msqe_weight)
        self.use_stable_scale_exponent = bool(use_stable_scale_exponent)
        self.stable_scale_ema_decay, self.outlier_mask_sigma = float(stable_scale_ema_decay), float(outlier_mask_sigma)
        self.num_lls_iters, self.should_line_search = int(num_lls_iters), bool(should_line_search)
        self.line_search_range = int(line_search_range)
        self._setup(bits, use_second_moments_msqe_opt, init_scale)

    def _exponent(self, x: Any) -> tuple[Any, Any]:
        self._variables(x)
        x = ops.stop_gradient(x)
        mask = ops.ones_like(x)
        if self.use_outlier_mask_msqe_weight:
            mask = ops.cast(ops.abs(x) <= self.outlier_mask_sigma * self._over(ops.std, x), x.dtype)
        best = self._first(x)
        error = self._error(x, best, mask)
        tried = best
        for _ in range(self.num_lls_iters):
            tried = self._fitted(x, tried, mask)
            best, error = self._better(x, mask, tried, best, error)
        if self.should_line_search:
            middle, reach = best, self.line_search_range // 2
            for offset in (o for o in range(-reach, reach + 1) if o):
                best, error = self._better(x, mask, middle + offset, best, error)
        return best, None

    def _first(self, x: Any) -> Any:
        top = self._over(ops.max, ops.abs(x)) * (1.0 / self.qp)
        if self.init_scale is not None:
            top = ops.full_like(top, self.init_scale)
        return exact_exponent(top + EPSILON)

    def _fitted(self, x: Any, exponent: Any, mask: Any) -> Any:
        code = clip_code(ops.round(x / power(exponent)), -self.qn, self.qp)
        above, below = self._over(ops.mean, code * x * mask), self._over(ops.mean, code * code * mask)
        return exact_exponent(positive(ops.maximum(above, 0.0) / (below + EPSILON)) + EPSILON)

    def _better(self, x: Any, mask: Any, tried: Any, best: Any, error: Any) -> tuple[Any, Any]:
        found = self._error(x, tried, mask)
        return ops.where(found < error, tried, best), ops.minimum(found, error)
