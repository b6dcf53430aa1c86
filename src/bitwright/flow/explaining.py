"""`explain_model`: what becomes of each part of a model file, whatever its format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import BitwrightError
from bitwright.flow.importing import with_states

if TYPE_CHECKING:
    from bitwright.frontends.grid.explained import Explained, Row

__all__ = ["explain_model"]

Layer = tuple[str, str, str, Any]
"""(name, class in the file, class here or "", what stands in the way or None)."""


def explain_model(
    path: str | Path, input_format: Any = None, weights: str | Path | None = None, state_format: str | None = None
) -> Explained:
    """What becomes of each node or layer of a model file: supported, rewritten into what, or refused, why, what to do.

    Takes what `load_model` takes: ONNX, TFLite, Keras, QKeras, HGQ 1, HGQ2 and HGQ-LUT. Files of other days are told
    in their own words: the classes of the file, what they become here, and what that becomes in the graph.
    state_format: as `compile` takes it, of LSTM, GRU and RNN in ONNX files.
    Raises `InvalidModel` for a file that cannot be read at all.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".onnx":
        from bitwright.frontends import qonnx

        return qonnx.explain(with_states(qonnx.read_file(path), state_format), input_format=input_format)
    if suffix == ".tflite":
        from bitwright.frontends import tflite

        return tflite.explain(with_states(tflite.read_file(path), state_format))
    return _explain_keras(Path(path), input_format, weights, state_format)


def _explain_keras(path: Path, input_format: Any, weights: str | Path | None, state_format: str | None) -> Explained:
    from bitwright.flow.models import load_model
    from bitwright.frontends import hgq, keras, qkeras
    from bitwright.frontends.grid.explained import Explained

    layers: list[Layer] = []
    if hgq.is_hgq(path):
        layers = hgq.explained_layers(path)
    elif weights is not None or qkeras.is_foreign(path):
        layers = qkeras.explained_layers(path)
    if any(layer[3] is not None for layer in layers):
        return Explained(path.stem, tuple(_converted(layer) for layer in layers))
    found = keras.explain(with_states(load_model(path, weights), state_format), input_format=input_format)
    return Explained(path.stem, tuple(_joined(layers, found.rows))) if layers else found


def _converted(layer: Layer) -> Row:
    """The row of a layer of a file in which some layer is refused: nothing is lowered then."""
    from bitwright.frontends.grid.explained import Row, Status, refusal

    name, kind, here, error = layer
    if isinstance(error, BitwrightError):
        return refusal(name, kind, error)
    status = Status.SUPPORTED if here == kind else Status.REWRITTEN
    return Row(name, kind, status, here or "layers of Keras and bitwright")


def _joined(layers: list[Layer], rows: tuple[Row, ...]) -> list[Row]:
    """Rows of the layers here as rows of the layers in the file: one of these may have become several."""
    owners = sorted((layer[0] for layer in layers), key=len, reverse=True)
    kinds = {layer[0]: layer[1] for layer in layers}
    parts: dict[str, list[Row]] = {}
    for row in rows:
        mine = row.kind not in ("input", "output")
        owner = next((o for o in owners if mine and (row.node == o or row.node.startswith(f"{o}_"))), row.node)
        parts.setdefault(owner, []).append(row)
    return [_together(owner, kinds.get(owner, made[0].kind), made) for owner, made in parts.items()]


def _together(name: str, kind: str, made: list[Row]) -> Row:
    """One row for what a layer of the file became; a refusal of any part is that of the whole."""
    from bitwright.frontends.grid.explained import Status, listed

    for status in (Status.REFUSED, Status.UNREACHED):
        for row in made:
            if row.status is status:
                return replace(row, node=name, kind=kind)
    into = ", ".join(dict.fromkeys(row.into for row in made))
    here = listed([row.kind for row in made])
    if here == kind:
        return replace(made[0], node=name, kind=kind, into=into)
    return replace(made[0], node=name, kind=kind, status=Status.REWRITTEN, into=f"{here}: {into}")
