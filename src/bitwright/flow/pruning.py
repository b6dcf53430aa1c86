"""What pruning saved: the design of a model beside that of the same model with its weights back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.cost import Prediction
from bitwright.flow.compiling import compile_model

__all__ = ["PruningRow", "SavedByPruning", "saved_by_pruning"]


@dataclass(frozen=True)
class PruningRow:
    """Predicted LUTs of one layer of the design, with its weights back (`dense_luts`) and as pruned (`luts`)."""

    layer: str
    dense_luts: float
    luts: float

    @property
    def saved(self) -> float:
        """LUTs that pruning saved in this layer."""
        return self.dense_luts - self.luts


@dataclass(frozen=True)
class SavedByPruning:
    """Predictions for the model as pruned and with its weights back, and `share`, the part of weights that went."""

    share: float
    dense: Prediction
    pruned: Prediction
    layers: tuple[PruningRow, ...]

    @property
    def luts(self) -> int:
        """LUTs that pruning saved."""
        return self.dense.luts - self.pruned.luts

    @property
    def ratio(self) -> float:
        """LUTs as pruned over LUTs with all weights."""
        return self.pruned.luts / self.dense.luts if self.dense.luts else 1.0

    def __str__(self) -> str:
        return (
            f"pruning {self.share:.0%} of the weights saved {self.luts} of {self.dense.luts} LUT "
            f"({1 - self.ratio:.0%}) and {self.dense.ffs - self.pruned.ffs} of {self.dense.ffs} FF"
        )


def saved_by_pruning(model: Any, pruned: Any, **options: Any) -> SavedByPruning:
    """Compile `model` as it is and with the weights back that pruning took, and compare the predictions.

    pruned: a `Prune` callback after its `fit`, or what `prune_now` returned: it keeps what each weight
    was when it went. options: those of `compile`. The weights that stayed are as trained in both, so that
    the difference is the zeros' alone; a network trained without pruning may be smaller or larger.

    For the report: `design.report(notes=(str(saved_by_pruning(model, pruned)),))`.

    Raises InvalidValue if `pruned` is of another model or nothing was pruned.
    """
    from bitwright.train.pruning import dense_weights

    record = getattr(pruned, "pruned", pruned)
    with dense_weights(model, record):
        full = compile_model(model, **options)
    dense, sparse = full.estimate(), compile_model(model, **options).estimate()
    names = dict.fromkeys([*dense.by_layer, *sparse.by_layer])
    rows = tuple(PruningRow(name, _luts(dense, name), _luts(sparse, name)) for name in names)
    return SavedByPruning(record.share, dense, sparse, rows)


def _luts(prediction: Prediction, layer: str) -> float:
    found = prediction.by_layer.get(layer)
    return 0.0 if found is None else float(found.luts)
