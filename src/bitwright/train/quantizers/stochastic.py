"""`stochastic_binary`, `stochastic_ternary`, `bernoulli`: signs drawn with a probability that grows with x."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.base import Parts, Scaled
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.scales import Groups, constant, is_auto, least_squares, read_alpha, to_power
from bitwright.train.quantizers.sigmoids import internal_sigmoid
from bitwright.train.quantizers.signs import binary, ternary
from bitwright.train.quantizers.straight import EPSILON, sign

__all__ = ["bernoulli", "stochastic_binary", "stochastic_ternary"]


class _Drawn(Scaled):
    """Draws with the sigmoid of x over its deviation, times a temperature."""

    temperature: float
    use_real_sigmoid: bool

    def _uniform(self, x: Any) -> Any:
        return keras.random.uniform(ops.shape(x), dtype=x.dtype, seed=self.seed_generator)

    def _probability(self, x: Any) -> Any:
        """The sigmoid of temperature * x."""
        return (ops.sigmoid if self.use_real_sigmoid else internal_sigmoid)(self.temperature * x)

    def _normal(self, x: Any) -> tuple[Any, Any]:
        """x over its deviation, and that: of each channel where the scale is, else of the whole tensor."""
        if is_auto(self.alpha) and len(x.shape) > 1:
            mean = Groups().reduce(ops.mean, x)
            variance = Groups().reduce(ops.mean, (x - mean) ** 2)
        else:
            variance = ops.var(x, keepdims=True)
        deviation = ops.sqrt(variance) + EPSILON
        return x / deviation, deviation

    def _scaled(self, x: Any, code: Any, through: Any, fitted: Any) -> Parts:
        """`code` with the scale that is fixed, or that fits `fitted` to x best."""
        if not is_auto(self.alpha):
            scale, dyadic = constant(self.alpha, x.dtype)
            return Parts(code, through, scale, dyadic)
        scale = least_squares(x, fitted, Groups(), ordered=self.alpha == "auto")
        return Parts(code, through, to_power(scale) if self.alpha == "auto_po2" else scale, self.alpha == "auto_po2")


@public("bitwright.quantizers")
class stochastic_binary(_Drawn, binary):
    """`binary` at inference; in training +1 with the probability sigmoid(temperature * x / std(x)), else -1.

    The scale is that of `binary`, found from the signs that are not drawn. use_real_sigmoid takes the
    sigmoid itself instead of QKeras's internal one. The gradient is 1; at inference that of `binary`.

    Source: google/qkeras, quantizers.py, `stochastic_binary`.
    """

    def __init__(self, alpha: Any = None, temperature: float = 6.0, use_real_sigmoid: bool = True) -> None:
        super().__init__(alpha=alpha)
        self.temperature, self.use_real_sigmoid = float(temperature), bool(use_real_sigmoid)
        self.seed_generator = self._seed(True)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        signs = sign(x)
        if not training:
            return self._scaled(x, signs, self._carrier(x), signs)
        drawn = sign(self._probability(self._normal(x)[0]) - self._uniform(x))
        return self._scaled(x, drawn, x, signs)


@public("bitwright.quantizers")
class stochastic_ternary(_Drawn, ternary):
    """`ternary` at inference; in training -1, 0 or 1 drawn around the threshold.

    With n = x / std(x) and t = threshold / std(x), two signs are drawn, positive with the probabilities
    sigmoid(temperature * (n - t)) and sigmoid(temperature * (n + t)), and averaged. An automatic scale is
    that of `ternary`, the threshold half of it. The gradient is 1; at inference that of `ternary`.

    Source: google/qkeras, quantizers.py, `stochastic_ternary`.
    """

    def __init__(
        self,
        alpha: Any = None,
        threshold: float | None = None,
        temperature: float = 8.0,
        use_real_sigmoid: bool = True,
        number_of_unrolls: int = 5,
    ) -> None:
        super().__init__(alpha=alpha, threshold=threshold, number_of_unrolls=number_of_unrolls)
        self.temperature, self.use_real_sigmoid = float(temperature), bool(use_real_sigmoid)
        self.seed_generator = self._seed(True)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        settled = super()._parts(x, None)
        if not training:
            return settled
        threshold = settled.scale / 2.0 if is_auto(self.alpha) else self._threshold
        normal, deviation = self._normal(x)
        code = x * 0.0
        for side in (normal - threshold / deviation, normal + threshold / deviation):
            code = code + sign(self._probability(side) - self._uniform(x)) / 2.0
        return Parts(code, x, settled.scale, settled.dyadic)


@public("bitwright.quantizers")
class bernoulli(_Drawn):
    """1 with the probability sigmoid(temperature * x / std(x)), else 0, times a scale; always at random.

    alpha: None or a number, or "auto" / "auto_po2" for the least-squares scale of each channel. Chance
    decides at inference as well, so no hardware computes the same. The gradient is 1 everywhere.

    Source: google/qkeras, quantizers.py, `bernoulli`.
    """

    always_random = True

    def __init__(self, alpha: Any = None, temperature: float = 6.0, use_real_sigmoid: bool = True) -> None:
        self.alpha, self.temperature = read_alpha(alpha, "bernoulli"), float(temperature)
        self.use_real_sigmoid = bool(use_real_sigmoid)
        self.seed_generator = self._seed(True)

    def max(self) -> float:
        """The greatest alpha; 1 where there is none or it is automatic."""
        return self._largest_alpha()

    def min(self) -> float:
        """0."""
        return 0.0

    def _base_grid(self) -> Grid:
        return Grid(Fraction(1), 0, 1)

    def _parts(self, x: Any, training: bool | None = None) -> Parts:
        drawn = ops.cast(self._probability(self._normal(x)[0]) > self._uniform(x), x.dtype)
        return self._scaled(x, drawn, x, drawn)
