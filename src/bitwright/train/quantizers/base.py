"""`BaseQuantizer`: what all quantizers have in common, and the interface the compiler reads."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.quantizers.explain import explained
from bitwright.train.quantizers.grid import Grid, as_grid
from bitwright.train.quantizers.scales import is_auto, is_scalar
from bitwright.train.quantizers.straight import as_float, is_concrete, positive, straight, takes_gradient

__all__ = ["BaseQuantizer", "Parts", "Scaled", "Tracked"]


@dataclass(frozen=True)
class Parts:
    """A quantized tensor before the straight-through step: its value is `z * scale`.

    `z` lies on a dyadic grid; `scale` broadcasts against it (None: 1) and is `dyadic` when it holds
    only powers of two. The result takes its gradient from `through`: `carrier`, or what that makes of
    `x` where x is given.
    """

    z: Any
    carrier: Any
    scale: Any = None
    dyadic: bool = False
    x: Any = None

    @cached_property
    def through(self) -> Any:
        """The float tensor whose gradient the result takes."""
        return self.carrier if self.x is None else self.carrier(self.x)

    @property
    def flow(self) -> Any:
        """`through`; or, where nobody can ask for its gradient, a tensor of its shape."""
        return self.through if self.x is None or takes_gradient(self.x) else self.x

    @property
    def value(self) -> Any:
        """The quantized tensor."""
        return self.z if self.scale is None else self.z * self.scale


class Tracked(keras.random.SeedGenerator):
    """A variable in the guise of a seed generator's state.

    Keras passes such states through compiled steps, but neither counts nor saves them as weights: the
    noise factor is a setting, saved with the configuration, and a QKeras weight list must still fit.
    """

    def __init__(self, variable: Any) -> None:
        super().__init__(seed=0, name=f"{variable.name}_holder")
        self.state = variable


@cache
def _arguments(kind: type) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(kind).parameters.values())


class BaseQuantizer(ABC):
    """A callable `q(x, training=None)` that maps a float tensor onto a grid.

    A subclass stores each constructor argument under its own name, and implements `parts` and
    `grid`; everything else follows. Forward values are exactly on the grid, not `x + (q - x)`.
    """

    shown: ClassVar[int] = 0
    """How many leading arguments `str` always prints."""
    positional: ClassVar[int] = 0
    """How many leading arguments `str` may print without their names."""

    gradient: ClassVar[str] = "1 everywhere (straight through)"
    """The rule of the backward pass, in words."""
    evenly_spaced: ClassVar[bool] = True
    """Whether the values before scaling are integers times a step."""
    monotone: ClassVar[bool] = True
    """Whether a larger input never gives a smaller output (or, with a negative alpha, never a larger)."""
    always_random: ClassVar[bool] = False
    """Whether chance decides at inference too, so that no hardware can compute the same."""

    shaped: ClassVar[bool] = False
    """Whether it has variables whose number depends on the shape of the tensors."""

    qnoise_factor: Any
    """1: quantized, 0: float; a number or a variable. Quantizers without such an argument have none."""
    use_ste: bool = True
    seed_generator: Any = None
    built: bool = False
    """True after the first call or `build`, as QKeras programs read it."""

    @abstractmethod
    def _parts(self, x: Any, training: bool | None) -> Parts:
        """The quantized form of the float tensor `x`."""

    @abstractmethod
    def _base_grid(self) -> Grid:
        """The values that can come out before `alpha` scales them."""

    @abstractmethod
    def max(self) -> float:
        """The magnitude for which the format is made, as QKeras tells it: often 2^integer, at least 1.

        Layers clip their weights to it. The greatest value that can come out is `grid()`'s.
        """

    @abstractmethod
    def min(self) -> float:
        """The counterpart of `max`; 0 for quantizers without negative values."""

    def build(self, var_name: str | None = None, use_variables: bool = False) -> None:
        """Turn the noise factor into a variable, if `use_variables`. Calling the quantizer builds it too.

        Do so before a layer takes the quantizer: layers track the variables that they find then.
        """
        if hasattr(self, "qnoise_factor"):
            self.qnoise_factor = self._noise(self.qnoise_factor, use_variables, var_name)
        self.built = True

    def parts(self, x: Any, training: bool | None = None) -> Parts:
        """The quantized form of `x` before the straight-through step."""
        parts = self._parts(as_float(x), training)
        self.built = True
        self._remember(parts)
        return parts

    def grid(self) -> Grid | None:
        """The values that can come out, exactly; None where they depend on the data.

        Also None where float32 products with `alpha` round, and where quantization noise is mixed in.
        With one scale per channel, a grid that holds the values of all channels.
        """
        alpha = getattr(self, "alpha", None)
        if self._mixed or is_auto(alpha):
            return None
        return as_grid(self._base_grid(), alpha)

    def range(self) -> Any:
        """Every value of the format as a float32 array, in the order of two's complement codes.

        0 and the positive values ascending, then the negative ones ascending. A scale that is no single
        known number counts as 1; noise is left out.
        """
        alpha = getattr(self, "alpha", None)
        values = np.array([float(value) for value in self._values(self._base_grid())], np.float32)
        if alpha is not None and is_scalar(alpha):
            values = values * np.float32(alpha)
        return np.concatenate([values[values >= 0], values[values < 0]])

    def explain(self) -> str:
        """What this quantizer does, to be read: its values, their step, the hardware format, the gradient."""
        return explained(self)

    @property
    def elementwise(self) -> bool:
        """Whether, at inference, each output depends on its own input alone and not on chance."""
        return not (self.always_random or is_auto(getattr(self, "alpha", None)))

    @property
    def differs_along(self) -> tuple[int, ...]:
        """The axes, counted from the last (-1), along which a fixed scale differs."""
        alpha: Any = getattr(self, "alpha", None)
        shape = () if alpha is None or is_auto(alpha) else np.shape(alpha)
        return tuple(axis - len(shape) for axis, length in enumerate(shape) if length > 1)

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The quantized `x`, same shape; stochastic settings act only when `training` is true."""
        return self._finish(self.parts(x, training))

    def factor(self, x: Any, training: bool | None = None) -> tuple[Any, Any]:
        """`(z, scale)` with `z * scale == q(x)`: z on a dyadic grid, scale None when nothing is left.

        Gradients through `z * scale` with respect to `x` equal those of `q(x)`. `scale` takes none.
        """
        parts = self.parts(x, training)
        if self._noisy or parts.scale is None or parts.dyadic:
            return self._finish(parts), None
        scale, through = ops.stop_gradient(parts.scale), parts.flow
        return straight(parts.z, through / positive(scale) if takes_gradient(through) else through), scale

    def bound(self) -> float:
        """The magnitude to which layers clip their weights, at least 1."""
        return max(1.0, self.max())

    def for_weights(self) -> BaseQuantizer:
        """The quantizer that a layer uses when this one is given for its kernel.

        As in QKeras, `alpha=None` means "auto_po2" there; alpha=1 keeps the plain format.
        """
        if getattr(self, "alpha", 1) is not None:
            return self
        scaled = type(self).from_config(self.get_config())
        scaled._set_trainable_parameter()
        return scaled

    def _set_trainable_parameter(self) -> None:
        """QKeras's name for: from now on alpha=None means "auto_po2"."""
        if getattr(self, "alpha", 1) is None:
            self.alpha = "auto_po2"

    @property
    def state(self) -> list[Any]:
        """Seed generators, layers of variables and the like, which a layer holding this quantizer must track."""
        noise = [Tracked(self._factor)] if isinstance(self._factor, keras.Variable) else []
        return noise + ([] if self.seed_generator is None else [self.seed_generator])

    def update_qnoise_factor(self, qnoise_factor: float) -> None:
        """Set the share of quantization noise, from 0 (float) to 1 (fully quantized).

        Compiled code sees a change only if the factor is a variable.
        """
        if not hasattr(self, "qnoise_factor"):
            raise InvalidValue(f"{type(self).__name__} has no noise", remedy="leave it out, or use quantized_bits")
        if isinstance(self.qnoise_factor, keras.Variable):
            self.qnoise_factor.assign(qnoise_factor)
        else:
            self.qnoise_factor = float(qnoise_factor)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument by name, as plain Python values."""
        return {p.name: _plain(getattr(self, p.name)) for p in _arguments(type(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The quantizer with these arguments; those left out take their defaults."""
        known = {p.name for p in _arguments(cls)}
        unknown = sorted(set(config) - known)
        if unknown:
            raise InvalidValue(
                f"unknown argument {unknown[0]!r}",
                where=cls.__name__,
                why=f"it takes {', '.join(sorted(known))}",
                remedy="remove it from the configuration",
            )
        return cls(**config)

    def __str__(self) -> str:
        """The string that `get_quantizer` reads back to an equal quantizer."""
        config, texts, named = self.get_config(), list[str](), False
        for index, parameter in enumerate(_arguments(type(self))):
            value = config[parameter.name]
            if index >= self.shown and value == parameter.default:
                named = True
                continue
            named = named or index >= self.positional
            texts.append(f"{parameter.name}={_text(value)}" if named else _text(value))
        return f"{type(self).__name__}({','.join(texts)})"

    def __repr__(self) -> str:
        return str(self)

    @property
    def _factor(self) -> Any:
        return getattr(self, "qnoise_factor", 1.0)

    @property
    def _mixed(self) -> bool:
        """Whether the factor is not 1 at the moment (never ask this of a variable while tracing)."""
        factor = self._factor
        return float(ops.convert_to_numpy(factor)) != 1.0 if isinstance(factor, keras.Variable) else factor != 1.0

    @property
    def _noisy(self) -> bool:
        return isinstance(self._factor, keras.Variable) or self._factor != 1.0

    def _finish(self, parts: Parts) -> Any:
        if not self._noisy:
            return straight(parts.value, parts.flow)
        noise = ops.cast(ops.convert_to_tensor(self._factor), parts.through.dtype)
        mixed = parts.through + noise * (parts.value - parts.through)
        mixed = ops.where(noise == 1, parts.value, mixed)
        return straight(mixed, parts.through if self.use_ste else (1 - noise) * parts.through)

    @property
    def powers(self) -> list[Fraction]:
        """The magnitudes that can come out, where they are powers of two by construction; else none."""
        return []

    def prepare(self, shape: Any) -> None:  # noqa: B027 - a hook, of use to some
        """Make variables whose number depends on the shape of the tensors to come; layers call it when built."""

    def prepare_activations(self, shape: Any) -> None:
        """The same for tensors of activations, whose first axis is the batch."""
        if self.shaped:
            self.prepare(shape[1:])

    def _values(self, grid: Grid) -> list[Fraction]:
        """The values of `grid` that do occur, ascending."""
        return list(grid.values())

    def _remember(self, parts: Parts) -> None:  # noqa: B027 - a hook, of use to some
        """Keep what programs read after a call; what a trace yields must not be kept."""

    def _noise(self, factor: Any, use_variables: bool, name: str | None) -> Any:
        if not use_variables or isinstance(factor, keras.Variable):
            return factor
        return keras.Variable(float(factor), trainable=False, name=name or "qnoise_factor")

    def _seed(self, wanted: bool) -> Any:
        return keras.random.SeedGenerator() if wanted else None


class Scaled(BaseQuantizer):
    """A quantizer with an `alpha`, whose scale QKeras programs read after a call."""

    alpha: Any
    _scale: Any = None

    @property
    def scale(self) -> Any:
        """The scale: alpha where it is fixed (1 for None), else what the last eager call found (None before)."""
        fixed = getattr(self, "post_training_scale", None)
        if fixed is not None:
            return fixed
        if is_auto(self.alpha):
            return self._scale
        return 1.0 if self.alpha is None else self.alpha

    @scale.setter
    def scale(self, value: Any) -> None:
        self._scale = value

    def _remember(self, parts: Parts) -> None:
        if parts.scale is not None and is_auto(self.alpha) and is_concrete(parts.scale):
            self._scale = ops.stop_gradient(parts.scale)

    def _largest_alpha(self) -> float:
        return 1.0 if self.alpha is None or is_auto(self.alpha) else float(np.max(np.abs(self.alpha)))


def _plain(value: Any) -> Any:
    if isinstance(value, keras.Variable):
        return float(ops.convert_to_numpy(value))
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value


def _text(value: Any) -> str:
    if value is True:
        return "1"
    return repr(value).replace(", ", ",")
