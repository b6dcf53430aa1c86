"""Runs a network that bitwright wrote on a board with PYNQ 3; needs numpy and pynq, and the files beside this one.

    from driver import NeuralNetworkOverlay
    network = NeuralNetworkOverlay("network.bit")
    network.self_test()                  # golden frames through the board, bit for bit
    network.predict(x)                   # what the model returns, for floats (frames, *shape)
    network.predict_codes(codes)         # integers in, integers out
    network.throughput(1000)             # frames a second, transfers included
    network.reload({"fc1.weights": words})   # other weights, where the design has memories for them

Several inputs are a list, and so are several outputs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NeuralNetworkOverlay", "PortTable"]

Array = NDArray[Any]
_MAGIC = 0x42575254


class PortTable:
    """`ports.json` as functions: floats to codes to the bytes that DMA moves, and back."""

    def __init__(self, folder: str | Path) -> None:
        self.record: dict[str, Any] = json.loads((Path(folder) / "ports.json").read_text())
        self.tensors: dict[str, dict[str, Any]] = {tensor["name"]: tensor for tensor in self.record["tensors"]}
        self.module: dict[str, Any] = self.record["modules"][-1]
        self.doors: list[dict[str, Any]] = self.module["doors"]

    def side(self, direction: str) -> tuple[list[dict[str, Any]], list[str]]:
        """The streams of a side, and the tensors in them."""
        doors = [door for door in self.doors if door["direction"] == direction]
        return doors, [bus["tensor"] for door in doors for bus in door["buses"]]

    @staticmethod
    def beat_bytes(door: Mapping[str, Any]) -> int:
        """Bytes of a word in memory: a power of two."""
        return 1 << (-(-door["bits"] // 8) - 1).bit_length()

    def encode(self, name: str, x: Array) -> Array:
        """The codes of floats (frames, *shape) of an input, as the model's own quantizer gives them."""
        told, values = self.tensors[name], np.asarray(x, dtype=np.float32)
        if values.shape[1:] != tuple(told["shape"]):
            raise ValueError(f"input {name}: frames of shape {values.shape[1:]} instead of {tuple(told['shape'])}")
        if np.isnan(values).any():
            raise ValueError(f"input {name}: it holds NaN")
        meaning = told["meaning"]
        if meaning["kind"] == "levels":
            return _levels(meaning, values)
        low, high = np.asarray(meaning["low"]), np.asarray(meaning["high"])
        if "fraction" in meaning:
            return _fixed(meaning, values, low, high)
        scaled = values.astype(np.float64)
        if meaning["rule"] == "divide":
            scaled = scaled / self._steps(name)
        else:
            step = Fraction(meaning["step"])
            scaled = scaled * step.denominator / step.numerator
        return np.clip(np.rint(scaled), low, high).astype(np.int64)

    def decode(self, name: str, codes: Array) -> Array:
        """What the model returns for the codes of an output."""
        meaning = self.tensors[name]["meaning"]
        if meaning["kind"] == "table":
            values = np.array(meaning["table"], dtype=np.float32)[codes - meaning["start"]]
        else:
            steps = np.array([float(Fraction(s)) for s in meaning["step"]]).reshape(meaning["step_shape"])
            values = (codes * steps).astype(np.float32)
        return _HEADS[meaning["head"]](values)

    def _steps(self, name: str) -> Array:
        told = self.tensors[name]
        steps = np.array([float(Fraction(step)) for step in told["step"]])
        return steps if len(steps) == 1 else steps.reshape(told["shape"])

    def pack(self, door: Mapping[str, Any], codes: Mapping[str, Array]) -> NDArray[np.uint8]:
        """Codes (frames, *shape) by tensor as the words of a stream: bytes (frames * beats, bytes of a word)."""
        frames = len(next(iter(codes.values())))
        bits = np.zeros((frames * door["beats"], 8 * self.beat_bytes(door)), np.uint8)
        for bus in door["buses"]:
            lanes = np.asarray(codes[bus["tensor"]], dtype=np.int64).reshape(-1, bus["lanes"])
            for run in bus["runs"]:
                part, width = lanes[:, run["first"] : run["first"] + run["count"]], run["bits"]
                least = -(1 << (width - 1)) if run["signed"] else 0
                if ((part < least) | (part >= least + (1 << width))).any():
                    raise ValueError(f"tensor {bus['tensor']}: a code does not fit into {width} bits")
                place = slice(run["low_bit"], run["low_bit"] + run["count"] * width)
                bits[:, place] = ((part[..., None] >> np.arange(width)) & 1).reshape(len(part), -1)
        return np.packbits(bits, axis=1, bitorder="little")

    def unpack(self, door: Mapping[str, Any], words: NDArray[np.uint8]) -> dict[str, Array]:
        """The inverse of `pack`: codes (frames, *shape) by tensor."""
        bits = np.unpackbits(words, axis=1, bitorder="little").astype(np.int64)
        found: dict[str, Array] = {}
        for bus in door["buses"]:
            lanes = np.empty((len(words), bus["lanes"]), np.int64)
            for run in bus["runs"]:
                width, count = run["bits"], run["count"]
                part = bits[:, run["low_bit"] : run["low_bit"] + count * width].reshape(len(words), count, width)
                weights = 1 << np.arange(width)
                if run["signed"]:
                    weights[-1] = -weights[-1]
                lanes[:, run["first"] : run["first"] + count] = part @ weights
            found[bus["tensor"]] = lanes.reshape(-1, *self.tensors[bus["tensor"]]["shape"])
        return found


def _levels(meaning: Mapping[str, Any], values: Array) -> Array:
    """base + direction * number of levels at or below each value, by column of the last axis."""
    base, direction = np.asarray(meaning["base"]), np.asarray(meaning["direction"])
    levels = [np.array(row, dtype=np.float32) for row in meaning["levels"]]
    if len(levels) == 1:
        return base[0] + direction[0] * np.searchsorted(levels[0], values, side="right")
    counted = np.stack([np.searchsorted(row, values[..., k], side="right") for k, row in enumerate(levels)], axis=-1)
    return base + direction * counted


def _fixed(meaning: Mapping[str, Any], values: Array, low: Array, high: Array) -> Array:
    """Fixed point with a rounding and an overflow by name."""
    rounding, _, overflow = meaning["kind"].partition(", ")
    scaled = values.astype(np.float64) * np.exp2(np.asarray(meaning["fraction"], dtype=np.float64))
    whole = _ROUNDINGS[rounding](scaled)
    if overflow != "wrap":
        return np.clip(whole, low, high).astype(np.int64)
    size = (high - low + 1).astype(np.float64)
    left = np.mod(whole, size)
    return np.where(left > high, left - size, left).astype(np.int64)


def _away(x: Array, nearest: Callable[[Array], Array]) -> Array:
    return np.copysign(nearest(np.abs(x)), x)


_ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "half_even": np.rint,
    "half_up": lambda x: np.floor(x) + (x - np.floor(x) >= 0.5),
    "half_down": lambda x: np.ceil(x) - (np.ceil(x) - x >= 0.5),
    "half_away": lambda x: _away(x, lambda a: np.floor(a) + (a - np.floor(a) >= 0.5)),
    "half_zero": lambda x: _away(x, lambda a: np.ceil(a) - (np.ceil(a) - a >= 0.5)),
    "floor": np.floor,
    "ceil": np.ceil,
    "truncate": np.trunc,
    "away": lambda x: _away(x, np.ceil),
}


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


_HEADS: dict[str, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x.astype(np.float64))).astype(np.float32),
    "tanh": np.tanh,
}


class NeuralNetworkOverlay:
    """The bitstream of `overlay.tcl` on the board.

    `folder` holds ports.json and the golden frames (default: where this file lies). `batch`: frames of a transfer.
    """

    def __init__(self, bitfile: str, folder: str | Path | None = None, *, batch: int = 256) -> None:
        import pynq  # pyright: ignore[reportMissingImports]

        self.folder = Path(folder) if folder else Path(__file__).resolve().parent
        self.table, self.batch = PortTable(self.folder), batch
        self._pynq: Any = pynq
        self.overlay: Any = pynq.Overlay(bitfile)
        sides = {side: self.table.side(side)[0] for side in ("input", "output")}
        self._senders = [(door, getattr(self.overlay, f"dma_{k}").sendchannel) for k, door in enumerate(sides["input"])]
        self._takers = [(door, getattr(self.overlay, f"dma_{k}").recvchannel) for k, door in enumerate(sides["output"])]
        path = self.folder / "registers.json"
        self.registers: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if self.registers:
            self._same_build()
        self._outside: Any = self._begun() if "outside" in self.registers else None

    def _same_build(self) -> None:
        """The bitstream is the one that these files describe."""
        if self.register("magic") != _MAGIC:
            raise RuntimeError("no network of bitwright answers at s_axil: is it the right bitstream?")
        wanted = next(int(r["value"], 16) for r in self.registers["registers"] if r["name"] == "build")
        if self.register("build") != wanted:
            raise RuntimeError(f"the bitstream is of build {self.register('build'):#010x}, the files of {wanted:#010x}")

    def _begun(self) -> Any:
        """The memory that weights are read from, filled; the network runs from now on."""
        told = self.registers["outside"]
        lines = (self.folder / "outside.hex").read_text().split()
        image = b"".join(bytes.fromhex(line.zfill(told["data_bits"] // 4))[::-1] for line in lines)
        # Whole pages: what is fetched begins at a multiple of 4096 bytes at the most.
        buffer = self._pynq.allocate(shape=(told["bytes"],), dtype=np.uint8)
        buffer[: len(image)] = np.frombuffer(image, np.uint8)
        buffer.flush()
        base = int(buffer.device_address)
        for name, value in (("run", 0), ("base_low", base & 0xFFFFFFFF), ("base_high", base >> 32), ("run", 1)):
            self.overlay.network.write(self._offset(name), value)
        return buffer

    def _offset(self, name: str) -> int:
        return int(next(r["offset"] for r in self.registers.get("registers", ()) if r["name"] == name))

    def register(self, name: str) -> int:
        """What a register of registers.json says."""
        return int(self.overlay.network.read(self._offset(name)))

    def reload(self, words: Mapping[str, Sequence[int]]) -> None:
        """Write memories: words by the memory's name, as `design.memory_words()` or `words_of` give them."""
        known = {memory["name"]: memory for memory in self.registers.get("memories", ())}
        for name, values in words.items():
            if name not in known:
                raise ValueError(f"no memory {name!r}: there are {', '.join(known) or 'none'}")
            memory = known[name]
            if len(values) != memory["words"] or any(not 0 <= value < 1 << memory["bits"] for value in values):
                raise ValueError(f"memory {name}: give {memory['words']} words of {memory['bits']} bits")
            for number, value in enumerate(values):
                for part in range(-(-memory["bits"] // 32)):
                    address = memory["offset"] + number * memory["stride"] + 4 * part
                    self.overlay.network.write(address, value >> 32 * part & 0xFFFFFFFF)

    def predict(self, x: Any, *, profile: bool = False) -> Any:
        """What the model returns; with `profile` also the seconds on the board and frames a second."""
        arrays = x if isinstance(x, list | tuple) else [x]
        names = self.table.side("input")[1]
        sources = [self.table.tensors[name]["meaning"]["source"] for name in names]
        codes = [self.table.encode(name, np.asarray(arrays[s])) for name, s in zip(names, sources, strict=True)]
        started = time.perf_counter()
        found = self._run(dict(zip(names, codes, strict=True)))
        seconds = time.perf_counter() - started
        values = [self.table.decode(name, found[name]) for name in self.table.side("output")[1]]
        result = values[0] if len(values) == 1 else values
        return (result, seconds, len(codes[0]) / seconds) if profile else result

    def predict_codes(self, codes: Any) -> Any:
        """The integers that the hardware outputs."""
        arrays = codes if isinstance(codes, list | tuple) else [codes]
        found = self._run(dict(zip(self.table.side("input")[1], map(np.asarray, arrays), strict=True)))
        result = [found[name] for name in self.table.side("output")[1]]
        return result[0] if len(result) == 1 else result

    def _run(self, codes: Mapping[str, Array]) -> dict[str, Array]:
        """All frames, batch by batch."""
        frames = len(next(iter(codes.values())))
        pieces: list[dict[str, Array]] = []
        for start in range(0, frames, self.batch):
            part = {name: array[start : start + self.batch] for name, array in codes.items()}
            sent = [self.table.pack(door, part) for door, _ in self._senders]
            taken = self._exchange(sent, min(self.batch, frames - start))
            unpacked = [self.table.unpack(door, w) for (door, _), w in zip(self._takers, taken, strict=True)]
            pieces.append({name: array for each in unpacked for name, array in each.items()})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def _exchange(self, sent: Sequence[NDArray[np.uint8]], frames: int) -> list[NDArray[np.uint8]]:
        """Words of all inputs through the board: what comes back, of every output."""
        buffers = [self._pynq.allocate(shape=words.shape, dtype=np.uint8) for words in sent]
        shapes = [(frames * door["beats"], self.table.beat_bytes(door)) for door, _ in self._takers]
        results = [self._pynq.allocate(shape=shape, dtype=np.uint8) for shape in shapes]
        try:
            for (_, channel), buffer in zip(self._takers, results, strict=True):
                channel.transfer(buffer)
            for (_, channel), buffer, words in zip(self._senders, buffers, sent, strict=True):
                buffer[:] = words
                channel.transfer(buffer)
            for _, channel in (*self._senders, *self._takers):
                channel.wait()
            if self._outside is not None and self.register("fault"):
                raise RuntimeError("memory has answered the network with an error: is its base still right?")
            return [np.array(buffer) for buffer in results]
        finally:
            for buffer in (*buffers, *results):
                buffer.freebuffer()

    def load(self) -> None:
        """Write the numbers of the build into all memories that can be written."""
        path = self.folder / "memories.json"
        if path.exists():
            self.reload(json.loads(path.read_text()))

    def self_test(self) -> int:
        """Send the golden frames and compare what comes back, word by word: how many frames there were.

        Memories hold the numbers of the build then (see `load`). Raises `RuntimeError` with stream, frame and word of
        the first difference.
        """
        self.load()
        sent = [self._golden(door) for door, _ in self._senders]
        frames = len(sent[0]) // self._senders[0][0]["beats"]
        for (door, _), found in zip(self._takers, self._exchange(sent, frames), strict=True):
            wrong = np.flatnonzero((found != self._golden(door)).any(axis=1))
            if len(wrong):
                frame, word = divmod(int(wrong[0]), door["beats"])
                raise RuntimeError(
                    f"{door['name']}, frame {frame}, word {word}: {found[wrong[0]][::-1].tobytes().hex()}"
                )
        return frames

    def _golden(self, door: Mapping[str, Any]) -> NDArray[np.uint8]:
        """The golden words of a stream, as bytes."""
        size = self.table.beat_bytes(door)
        lines = (self.folder / f"{door['name']}.hex").read_text().split()
        rows = [np.frombuffer(bytes.fromhex(line)[::-1].ljust(size, b"\0"), np.uint8) for line in lines]
        return np.stack(rows)

    def throughput(self, frames: int = 1000) -> float:
        """Frames a second for so many (the golden ones, again and again), packing left out, transfers included."""
        sent = [self._golden(door) for door, _ in self._senders]
        golden = len(sent[0]) // self._senders[0][0]["beats"]
        rounds = -(-min(frames, self.batch) // golden)
        many = [np.tile(words, (rounds, 1)) for words in sent]
        done, started = 0, time.perf_counter()
        while done < frames:
            self._exchange(many, rounds * golden)
            done += rounds * golden
        return done / (time.perf_counter() - started)
