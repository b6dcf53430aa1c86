"""tfmot's way to say it: mark a model or a layer, fit with `UpdatePruningStep`, strip the marks.

TensorFlow's model optimization toolkit does not know Keras 3; QKeras programs that use it run on these.
Nothing is wrapped: a mark is a note beside the model, and masks act as in `Prune`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.train.door import keras
from bitwright.train.observe import layers_of
from bitwright.train.pruning.callback import Prune
from bitwright.train.pruning.schedules import ConstantSparsity, PruningSchedule
from bitwright.train.pruning.structures import Blocks, NofM, Structure, Unstructured
from bitwright.train.pruning.weights import prunable_weights
from bitwright.train.rewrite import is_network

__all__ = ["UpdatePruningStep", "prune_low_magnitude", "strip_pruning"]


@dataclass(frozen=True)
class _Mark:
    schedule: PruningSchedule
    structure: Structure


_marks: WeakKeyDictionary[Any, _Mark] = WeakKeyDictionary()


def prune_low_magnitude(
    to_prune: Any,
    pruning_schedule: PruningSchedule | None = None,
    block_size: tuple[int, int] = (1, 1),
    block_pooling_type: str = "AVG",
    pruning_policy: Any = None,
    sparsity_m_by_n: tuple[int, int] | None = None,
    **_: Any,
) -> Any:
    """Mark a model or a layer to be pruned by `UpdatePruningStep`, and return it: it is not wrapped.

    pruning_schedule: by default ConstantSparsity(0.5, 0), as in tfmot. block_size: of inputs by outputs.
    block_pooling_type: only "AVG". sparsity_m_by_n: m zeros among every n, with (2, 4) as in tfmot.
    A mark on a layer beats that on its model.
    """
    if block_pooling_type != "AVG" or pruning_policy is not None:
        what = "a pruning_policy" if pruning_policy is not None else f"block_pooling_type={block_pooling_type!r}"
        raise InvalidValue(f"{what} is not there", where="prune_low_magnitude", remedy='use "AVG", or bw.Prune')
    structure: Structure = Unstructured() if tuple(block_size) == (1, 1) else Blocks((block_size[0], block_size[1]))
    schedule = pruning_schedule or ConstantSparsity(0.5, 0)
    if sparsity_m_by_n is not None:
        zeros, of = sparsity_m_by_n
        structure = NofM(of - zeros, of)
        schedule = schedule.towards(structure.sparsity) if pruning_schedule is None else schedule
    _marks[to_prune] = _Mark(schedule, structure)
    return to_prune


def strip_pruning(model: Any) -> Any:
    """Forget the marks of `model` and its layers, and return it; the zeros stay."""
    for one in [model, *model._flatten_layers(include_self=False)]:
        _marks.pop(one, None)
    return model


class UpdatePruningStep(keras.callbacks.Callback):
    """Prunes, while `fit` runs, what `prune_low_magnitude` has marked.

    Raises InvalidModel if nothing is. `prunings` are the callbacks that do it, one per mark; steps count
    over several calls of `fit`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.prunings: tuple[Prune, ...] = ()

    def on_train_begin(self, logs: Any = None) -> None:
        """Read the marks, the first time, and begin."""
        if not self.prunings:
            self.prunings = tuple(
                Prune(mark.schedule, dict.fromkeys(names, mark.schedule.final), structure=mark.structure)
                for mark, names in _marked(self.model).items()
            )
        if not self.prunings:
            raise InvalidModel(
                "nothing is marked to be pruned",
                where=f"model '{self.model.name}'",
                remedy="call prune_low_magnitude(model, ...) first",
            )
        for pruning in self.prunings:
            pruning.set_model(self.model)
            pruning.on_train_begin(logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """New masks where they are due."""
        for pruning in self.prunings:
            pruning.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count steps."""
        for pruning in self.prunings:
            pruning.on_train_batch_end(batch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Take the masks off; the zeros stay."""
        for pruning in self.prunings:
            pruning.on_train_end(logs)


def _marked(model: Any) -> Mapping[_Mark, list[str]]:
    """The names of the layers under each mark that have something to prune."""
    able = {one.layer.name for one in prunable_weights(model)}
    found: dict[_Mark, list[str]] = {}
    for layer in layers_of(model):
        mark = _marks.get(layer) or next((_marks[m] for m in _owners(model, layer) if m in _marks), None)
        if mark is not None and layer.name in able:
            found.setdefault(mark, []).append(layer.name)
    return found


def _owners(model: Any, layer: Any) -> list[Any]:
    """The models that `layer` is in, the innermost first."""
    for inner in getattr(model, "layers", ()):
        if is_network(inner) and any(one is layer for one in inner._flatten_layers()):
            return [*_owners(inner, layer), model]
    return [model]
