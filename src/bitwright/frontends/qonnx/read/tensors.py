"""Tensors of a file as numpy arrays: sizes are held against the bytes that are there before anything is allocated."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.qonnx.model import Array

__all__ = ["LARGEST", "dtype_of", "integer_range", "tensor_of"]

LARGEST = 1 << 28
"""The most elements of one tensor."""

# By ONNX's number of the type: numpy's name, and the field that holds its values where there are no raw bytes.
_TYPES = {
    1: ("float32", "float_data"), 2: ("uint8", "int32_data"), 3: ("int8", "int32_data"), 4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"), 6: ("int32", "int32_data"), 7: ("int64", "int64_data"), 9: ("bool", "int32_data"),
    10: ("float16", "int32_data"), 11: ("float64", "double_data"), 12: ("uint32", "uint64_data"),
    13: ("uint64", "uint64_data"), 16: ("uint16", "int32_data"),
}  # fmt: skip
_BFLOAT16 = 16
_PACKED = {21: (4, False), 22: (4, True), 25: (2, False), 26: (2, True)}
"""Types of fewer bits than a byte, packed from its lowest bits up: (bits, signed)."""


def dtype_of(number: int, where: str) -> np.dtype[Any]:
    """The dtype that a tensor of ONNX's type `number` has here (bfloat16 comes as float32, 2 and 4 bits as bytes)."""
    if number == _BFLOAT16:
        return np.dtype(np.float32)
    if number in _PACKED:
        return np.dtype(np.int8 if _PACKED[number][1] else np.uint8)
    if number not in _TYPES:
        raise Unsupported(
            f"tensors of ONNX's type number {number}", where=where, remedy="export floats or integers of 2 to 64 bits"
        )
    return np.dtype(_TYPES[number][0])


def tensor_of(proto: Any, folder: Path | None, where: str) -> Array:
    """The array in a TensorProto; data outside the file is read from below `folder` only."""
    final = dtype_of(proto.data_type, where)
    shape = tuple(int(d) for d in proto.dims)
    count = prod(shape)
    if any(d < 0 for d in shape) or not 0 <= count <= LARGEST or len(shape) > 32:
        raise InvalidModel(f"a tensor of shape {shape}", where=where, remedy="export the model again")
    size = _size(proto.data_type, count)
    if proto.data_location == 1:
        flat = _decoded(_outside(proto, folder, size, where), proto.data_type, count)
    elif proto.raw_data:
        _refuse_length(len(proto.raw_data), size, where)
        flat = _decoded(proto.raw_data, proto.data_type, count)
    else:
        flat = _fields(proto, count, where)
    array = flat.reshape(shape).astype(final, copy=False)
    array.setflags(write=False)
    return array


def _size(number: int, count: int) -> int:
    """The bytes that `count` numbers of a type take."""
    if number in _PACKED:
        return (count * _PACKED[number][0] + 7) // 8
    return count * np.dtype(_TYPES[number][0]).itemsize


def integer_range(number: int) -> tuple[int, int] | None:
    """The least and the greatest integer of ONNX's type `number`; None for floats and unknown types."""
    if number in _PACKED:
        bits, signed = _PACKED[number]
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if number not in _TYPES or number == _BFLOAT16 or np.dtype(_TYPES[number][0]).kind not in "iu":
        return None
    info = np.iinfo(_TYPES[number][0])
    return int(info.min), int(info.max)


def _refuse_length(found: int, wanted: int, where: str) -> None:
    if found != wanted:
        raise InvalidModel(
            f"{found} bytes of data where its shape needs {wanted}",
            where=where,
            remedy="the file is damaged: fetch or export it again",
        )


def _decoded(data: bytes, number: int, count: int) -> Array:
    if number in _PACKED:
        bits, signed = _PACKED[number]
        places = np.arange(0, 8, bits, dtype=np.uint8)
        parts = (np.frombuffer(data, dtype=np.uint8)[:, None] >> places) & ((1 << bits) - 1)
        found = parts.ravel()[:count].astype(np.int8)
        return np.where(found >> (bits - 1), found - (1 << bits), found) if signed else found.astype(np.uint8)
    raw = np.frombuffer(data, dtype=np.dtype(_TYPES[number][0]).newbyteorder("<"))
    return _widened(raw) if number == _BFLOAT16 else raw


def _widened(raw: Array) -> Array:
    """bfloat16 bits as float32."""
    return (raw.astype(np.uint32) << 16).view(np.float32)


def _fields(proto: Any, count: int, where: str) -> Array:
    if proto.data_type in _PACKED:
        packed = bytes(int(v) & 255 for v in proto.int32_data)
        _refuse_length(len(packed), _size(proto.data_type, count), where)
        return _decoded(packed, proto.data_type, count)
    kind, name = _TYPES[proto.data_type]
    values = getattr(proto, name)
    _refuse_length(len(values), count, where)
    if proto.data_type == _BFLOAT16:
        return _widened(np.array(values, dtype=np.int64).astype(np.uint16))
    if kind == "float16":
        return np.array(values, dtype=np.int64).astype(np.uint16).view(np.float16)
    if kind.startswith(("int", "uint", "bool")):
        wide = np.array(values, dtype=np.uint64 if kind == "uint64" else np.int64)
        return wide.astype(kind)
    return np.array(values, dtype=kind)


def _outside(proto: Any, folder: Path | None, size: int, where: str) -> bytes:
    """`size` bytes of a file beside the model."""
    told = {entry.key: entry.value for entry in proto.external_data}
    name = told.get("location", "")
    if folder is None or not name:
        raise InvalidModel("its data lies in another file", where=where, remedy="load the model from its folder")
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        offset, length = int(told.get("offset", "0")), int(told.get("length", str(size)))
    except (ValueError, OSError, RuntimeError) as error:
        raise InvalidModel("its external data is told wrongly", where=where, why=str(error)) from error
    if root not in path.parents:
        raise InvalidModel(
            f"its data would be read from {name!r}, outside the model's folder",
            where=where,
            remedy="put the data file beside the model",
        )
    if not path.is_file():
        raise InvalidModel(f"its data file {name!r} is missing", where=where, remedy="put it beside the model")
    _refuse_length(length, size, where)
    if offset < 0 or offset + size > path.stat().st_size:
        raise InvalidModel(
            f"its data file {name!r} ends before byte {offset + size}", where=where, remedy="fetch the file again"
        )
    with path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)
