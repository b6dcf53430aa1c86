"""Callbacks for training: `QNoiseScheduler`, which brings quantization in little by little."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.train.door import keras
from bitwright.train.quantizers.base import BaseQuantizer, Tracked
from bitwright.train.quantizers.held import quantizers_in

__all__ = ["QNoiseScheduler"]


class QNoiseScheduler(keras.callbacks.Callback):
    """Raises the quantizers' noise factor from 0 (float) at `start` to 1 (quantized) at `finish`.

    In between it is 1 - ((finish - t) / (finish - start))^exponent. t counts epochs or steps
    (`freq_type`) from initial_step_or_epoch on, over several calls of `fit`; every update_freq of them
    the factor is set. use_ste goes to the quantizers that know it. log_dir: where the factor is written
    for TensorBoard, for which TensorFlow has to be installed.

    `quantizers` are those in the model that have a noise factor, of weights and activations alike.
    While `fit` runs they share one variable; afterwards each has the number that was reached.

    Source: google/qkeras, callbacks.py.
    """

    def __init__(
        self,
        start: int,
        finish: int,
        freq_type: Literal["epoch", "step"] = "epoch",
        update_freq: int = 1,
        initial_step_or_epoch: int = 0,
        exponent: float = 3.0,
        use_ste: bool = True,
        log_dir: str | None = None,
    ) -> None:
        super().__init__()
        if freq_type not in ("epoch", "step"):
            raise InvalidValue(f"freq_type={freq_type!r}", where="QNoiseScheduler", remedy='use "epoch" or "step"')
        if start > finish:
            raise InvalidValue(
                f"start={start} comes after finish={finish}", where="QNoiseScheduler", remedy="exchange them"
            )
        if update_freq < 1:
            raise InvalidValue(f"update_freq={update_freq}", where="QNoiseScheduler", remedy="use at least 1")
        self.start, self.finish, self.freq_type, self.update_freq = start, finish, freq_type, update_freq
        self.initial_step_or_epoch, self.exponent, self.use_ste = initial_step_or_epoch, float(exponent), use_ste
        self.num_iters = initial_step_or_epoch
        self.qnoise_factor: float | None = None
        self.quantizers: list[BaseQuantizer] = []
        self._shared: Any = None
        self._writer = None if log_dir is None else _writer(log_dir)

    def calculate_qnoise_factor(self, freq: int) -> float:
        """The factor at step or epoch `freq`."""
        if freq < self.start:
            return 0.0
        if freq >= self.finish:
            return 1.0
        return 1.0 - ((self.finish - freq) / (self.finish - self.start)) ** self.exponent

    def get_quantizers(self, model: Any) -> list[BaseQuantizer]:
        """The quantizers of `model` that have a noise factor."""
        return [quantizer for quantizer in quantizers_in(model) if hasattr(quantizer, "qnoise_factor")]

    def set_qnoise_factor(self, quantizer: BaseQuantizer, qnoise_factor: float) -> None:
        """Set the factor of one quantizer."""
        quantizer.update_qnoise_factor(qnoise_factor)

    def update_qnoise_factor(self, freq: int) -> None:
        """Set the factor of all quantizers to that of step or epoch `freq`, if it is one to do so."""
        if freq % self.update_freq:
            return
        wanted = self.calculate_qnoise_factor(freq)
        if wanted != self.qnoise_factor:
            self._assign(wanted)
        self.qnoise_factor = wanted
        if self._writer is not None:
            self._writer("qnoise_factor", wanted, freq)

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the quantizers, and let compiled training read their factor from a variable."""
        self.quantizers, self.qnoise_factor = self.get_quantizers(self.model), None
        known = {id(variable) for variable in self.model.variables}
        own = [q for q in self.quantizers if id(q.qnoise_factor) not in known]
        for quantizer in self.quantizers:
            if "use_ste" in vars(quantizer):
                quantizer.use_ste = self.use_ste
        if own:
            self._share(own)

    def on_train_end(self, logs: Any = None) -> None:
        """Give each quantizer the number that was reached, in place of the shared variable."""
        if self._shared is None:
            return
        _synchronized(self.model)
        for quantizer in self.quantizers:
            if quantizer.qnoise_factor is self._shared.state:
                quantizer.qnoise_factor = self.qnoise_factor
        self.model._tracker.untrack(self._shared)
        self._shared = None
        _forget_compiled(self.model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Update by epochs."""
        if self.freq_type == "epoch":
            self.update_qnoise_factor(self.num_iters)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count epochs."""
        self.num_iters += self.freq_type == "epoch"

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Update by steps."""
        if self.freq_type == "step":
            self.update_qnoise_factor(self.num_iters)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count steps."""
        self.num_iters += self.freq_type == "step"

    def _share(self, quantizers: Iterable[BaseQuantizer]) -> None:
        variable = keras.Variable(1.0, trainable=False, name="qnoise_factor")
        self._shared = Tracked(variable)
        for quantizer in quantizers:
            quantizer.qnoise_factor = variable
        # The model is built and takes no new state, but its compiled step reads only what it knows.
        tracker = self.model._tracker
        tracker.unlock()
        tracker.track(self._shared)
        tracker.lock()
        _forget_compiled(self.model)
        self.model.make_train_function()

    def _assign(self, factor: float) -> None:
        _synchronized(self.model)
        for variable in {id(q.qnoise_factor): q.qnoise_factor for q in self.quantizers}.values():
            variable.assign(factor)


def _synchronized(model: Any) -> None:
    """On JAX the running step holds the variables' values: fetch them, so that assigning one counts."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def _forget_compiled(model: Any) -> None:
    model.train_function = model.test_function = model.predict_function = None


def _writer(log_dir: str) -> Any:
    try:
        from tensorflow import summary
    except ImportError as error:
        raise Unsupported(
            "log_dir needs TensorFlow to write for TensorBoard",
            where="QNoiseScheduler",
            remedy="pip install tensorflow-cpu, or leave out log_dir",
        ) from error
    writer: Any = summary.create_file_writer(log_dir)

    def write(name: str, value: float, step: int) -> None:
        with writer.as_default():
            summary.scalar(name, value, step=step)
        writer.flush()

    return write
