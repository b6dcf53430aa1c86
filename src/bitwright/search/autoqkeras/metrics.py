"""The metrics that a trial shows beside the user's: its size, and its score."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras, ops

__all__ = ["Score", "TrialSize", "copied", "metric_of"]


@keras.saving.register_keras_serializable(package="bitwright")
class TrialSize(keras.metrics.Metric):
    """The size of the trial in the goal's unit: a constant, which costs nothing to show."""

    def __init__(self, size: float = 0.0, name: str = "trial", **told: Any) -> None:
        super().__init__(name=name, **told)
        self.size = float(size)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Nothing changes it."""
        return None

    def result(self) -> Any:
        """The size."""
        return ops.convert_to_tensor(self.size, dtype=self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="bitwright")
class Score(keras.metrics.Metric):
    """metric * (1 + delta): what the forgiving factor makes of the user's metric."""

    def __init__(self, metric: Any = None, delta: float = 0.0, name: str = "score", **told: Any) -> None:
        super().__init__(name=name, **told)
        if isinstance(metric, dict):
            metric = keras.saving.deserialize_keras_object(metric)
        self.delta, self.metric = float(delta), metric_of(metric)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Show the metric what it sees."""
        self.metric.update_state(*args, **kwargs)

    def result(self) -> Any:
        """The raised metric."""
        return self.metric.result() * (1.0 + self.delta)

    def reset_state(self) -> None:
        """Begin anew."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        metric = keras.saving.serialize_keras_object(self.metric)
        return {**super().get_config(), "metric": metric, "delta": self.delta}


@keras.saving.register_keras_serializable(package="bitwright")
def shown_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Binary, sparse or categorical accuracy, whichever the shapes ask for."""
    last, labels = y_pred.shape[-1], tuple(y_true.shape)
    if last == 1:
        return keras.metrics.binary_accuracy(y_true, y_pred)
    if len(labels) < len(y_pred.shape) or labels[-1] == 1:
        return keras.metrics.sparse_categorical_accuracy(y_true, y_pred)
    return keras.metrics.categorical_accuracy(y_true, y_pred)


def metric_of(metric: Any) -> Any:
    """A metric object of its own for a name, a function of (y_true, y_pred), or an object; None is accuracy."""
    if metric is None or metric in ("acc", "accuracy"):
        return keras.metrics.MeanMetricWrapper(shown_accuracy, name="acc")
    if isinstance(metric, str):
        metric = keras.metrics.get(metric)
    if isinstance(metric, type):
        return metric()
    if isinstance(metric, keras.metrics.Metric):
        return copied(metric)
    return keras.metrics.MeanMetricWrapper(metric, name=getattr(metric, "__name__", "metric"))


def copied(metric: Any) -> Any:
    """A metric with fresh state; names and functions as they are, structures part by part."""
    if isinstance(metric, dict):
        return {key: copied(value) for key, value in metric.items()}
    if isinstance(metric, list | tuple):
        return [copied(value) for value in metric]
    return type(metric).from_config(metric.get_config()) if isinstance(metric, keras.metrics.Metric) else metric
