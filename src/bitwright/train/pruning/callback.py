"""`Prune`: weights go to zero while a model is fitted, and stay there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.train.door import keras
from bitwright.train.health import Finding
from bitwright.train.pruning.criteria import Criterion, Magnitude
from bitwright.train.pruning.masks import Holding, Pruned, assigned, replaced
from bitwright.train.pruning.plan import Plan, Target, planned
from bitwright.train.pruning.schedules import PruningSchedule, as_schedule
from bitwright.train.pruning.structures import NofM, Structure, Unstructured
from bitwright.train.pruning.weights import prunable_weights

__all__ = ["Prune", "dense_weights", "prune_now"]


class Prune(keras.callbacks.Callback):
    """Sets weights to 0 while `fit` runs, by a schedule, and keeps them exactly 0 through every step.

    schedule: a share of zeros (0.7), `ConstantSparsity` or `PolynomialDecay`; it counts training steps
    over several calls of `fit`. target: another final share, for all layers or by patterns of layer names
    (then only those are pruned). structure: `Unstructured()`, `Neurons()`, `Blocks((rows, columns))` or
    `NofM(n, m)`. criterion: `Magnitude()` or `Savings()`. layers: a pattern of layer names. across: rank
    the weights of all layers together instead of each layer for itself.

    Works on any model: on quantized layers it takes the weights that they call prunable, on plain ones
    the kernels. `pruned` holds the masks and what the weights were, `findings` the layers that lost
    everything (each is warned of once). "sparsity", the share reached, goes into the logs of each epoch.

    Raises, when training begins: Unsupported, naming the layer, for a quantizer without a zero or a
    structure that the layer does not have; ConfigError for a pattern that matches nothing.

    Example: `model.fit(x, y, callbacks=[bw.Prune(bw.PolynomialDecay(0.0, 0.7, 0, 2000))])`.
    """

    def __init__(
        self,
        schedule: PruningSchedule | float | None = None,
        target: Target = None,
        *,
        structure: Structure | None = None,
        criterion: Criterion | None = None,
        layers: str = "*",
        across: bool = False,
    ) -> None:
        super().__init__()
        self.structure, self.criterion = structure or Unstructured(), criterion or Magnitude()
        self.schedule = _schedule(schedule, target, self.structure)
        self.target, self.layers, self.across = target, layers, across
        self.step = 0
        self.pruned = Pruned()
        self._plan: Plan | None = None
        self._holding = Holding()
        self._begun = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The layers of which nothing is left."""
        return () if self._plan is None else tuple(self._plan.findings)

    def get_state(self) -> dict[str, Any]:
        """The step and the masks, as numpy arrays, from which `set_state` goes on."""
        return {"step": self.step, "masks": dict(self.pruned.masks), "dense": dict(self.pruned.dense)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on, with the next `fit`, where another run's `get_state` was; weights are restored by themselves."""
        masks = {name: np.asarray(mask, np.bool_) for name, mask in state["masks"].items()}
        dense = {name: np.asarray(values, np.float32) for name, values in state["dense"].items()}
        self.step, self.pruned = int(state["step"]), Pruned(masks, dense)

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the weights, and let compiled training apply their masks."""
        self._holding.release()  # a fit that failed left them
        self._plan = planned(
            self.model, self.schedule, self.target, self.structure, self.criterion, self.layers, self.across
        )
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self._holding.hold(optimizer, self._plan.variables, self.pruned.masks)
        self._forget_compiled()
        self.model.make_train_function()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """New masks, if they are due."""
        self._begun = batch
        if self._plan is not None and self._plan.due(self.step):
            self._renew(self._plan, self.step)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count steps: several at once under steps_per_execution, of which the last may make masks due."""
        passed = range(self.step + 1, self.step + batch - self._begun + 1)
        self.step += batch - self._begun + 1
        due = [step for step in passed if self._plan is not None and self._plan.due(step)]
        if self._plan is not None and due:
            self._renew(self._plan, due[-1])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell the share."""
        if logs is not None:
            logs["sparsity"] = self.pruned.share

    def on_train_end(self, logs: Any = None) -> None:
        """Take the masks off the variables again; the zeros stay."""
        self._holding.enforce()
        self._holding.release()
        self._forget_compiled()

    def _renew(self, plan: Plan, step: int) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # the running step holds the values
        self.pruned = plan.renewed(step, self.pruned, self._holding.renew)

    def _forget_compiled(self) -> None:
        self.model.train_function = self.model.test_function = self.model.predict_function = None


def prune_now(
    model: Any,
    target: Target = None,
    *,
    structure: Structure | None = None,
    criterion: Criterion | None = None,
    layers: str = "*",
    across: bool = False,
) -> Pruned:
    """Prune the trained `model` in place, once, and return the masks and what went; see `Prune`.

    Nothing holds the zeros afterwards: train on with `Prune`, whose `set_state` takes the masks.

    Example: `prune_now(model, 0.5)`, or `prune_now(model, {"fc*": 0.8}, criterion=Savings())`.
    """
    chosen = structure or Unstructured()
    schedule = _schedule(None, target, chosen)
    plan = planned(model, schedule, target, chosen, criterion or Magnitude(), layers, across)
    variables = plan.variables

    def renew(name: str, mask: Any) -> None:
        values = np.array(keras.ops.convert_to_numpy(variables[name].value))
        assigned(variables[name], np.where(mask, values, np.float32(0)))

    return plan.renewed(0, Pruned(), renew)


def dense_weights(model: Any, pruned: Pruned) -> Any:
    """A context in which `model` has its weights back that `pruned` took: those that stayed are as they are now.

    Raises InvalidValue if `pruned` is of another model.
    """
    known = {one.name: one.variable for one in prunable_weights(model)}
    known.update(_partners(model))
    unknown = sorted(set(pruned.masks) - set(known))
    if unknown or not pruned.masks:
        what = f"nothing of {unknown[0]!r} in this model" if unknown else "nothing was pruned"
        raise InvalidValue(what, where=f"model '{model.name}'", remedy="pass what Prune or prune_now told of it")
    told = [(known[name], mask, pruned.dense[name]) for name, mask in pruned.masks.items()]
    arrays = [(v, np.where(mask, keras.ops.convert_to_numpy(v.value), dense)) for v, mask, dense in told]
    return replaced(arrays)


def _partners(model: Any) -> dict[str, Any]:
    """Biases and normalizations by the names that masks have."""
    found: dict[str, Any] = {}
    for one in prunable_weights(model):
        bias = getattr(one.holder, "bias", None)
        if isinstance(bias, keras.Variable):
            found[f"{one.name.rpartition('/')[0]}/bias"] = bias
    for layer in model._flatten_layers():
        both: list[Any] = [getattr(layer, name, None) for name in ("gamma", "beta")]
        found.update((f"{layer.name}/{v.name}", v) for v in both if isinstance(v, keras.Variable))
    return found


def _schedule(schedule: PruningSchedule | float | None, target: Target, structure: Structure) -> PruningSchedule:
    if schedule is not None:
        return as_schedule(schedule)
    if isinstance(structure, NofM):
        return as_schedule(structure.sparsity)
    if target is None:
        raise ConfigError("no share to prune", where="Prune", remedy="give a schedule, a target, or NofM(n, m)")
    return as_schedule(target if isinstance(target, float | int) else max(target.values(), default=0.0))
