"""Reports as JSON and back: strict on the way in, because a report is evidence."""

from __future__ import annotations

import json
import math
import numbers
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from bitwright.core.errors import InvalidValue, ParseError, StorageError
from bitwright.core.files import write_atomic
from bitwright.report.record import SCHEMA, Report

__all__ = [
    "from_dict", "from_json", "json_text", "read_json", "read_tree", "record_from", "to_dict", "to_json", "tree_of",
    "write_json",
]  # fmt: skip


R = TypeVar("R")


def to_dict(report: Report) -> dict[str, Any]:
    """`report` as a tree of JSON values: numpy scalars become numbers, exact fractions become text.

    Raises `InvalidValue` for NaN, infinities and anything that JSON cannot hold.
    """
    return tree_of(report, "report")


def from_dict(tree: Mapping[str, Any]) -> Report:
    """The report that `to_dict` gave. Raises `ParseError` for another schema, unknown or mistyped fields."""
    return record_from(Report, tree, SCHEMA, "report")


def to_json(report: Report, indent: int | None = 1) -> str:
    """`report` as JSON text that ends with a newline; equal reports give equal text."""
    return json_text(to_dict(report), indent)


def from_json(text: str) -> Report:
    """The report in `text`; raises `ParseError` when it is no JSON or no report."""
    return from_dict(read_tree(text, "report"))


def write_json(report: Report, path: Path) -> Path:
    """Write `report` to `path` in one step; raises `StorageError`."""
    return write_atomic(path, to_json(report))


def read_json(path: Path) -> Report:
    """The report in the file `path`; raises `StorageError` or `ParseError`."""
    return from_json(_text_of(path))


def tree_of(record: Any, where: str) -> dict[str, Any]:
    """Any record of this room as a tree of JSON values; see `to_dict`."""
    return _encode(record, where)


def record_from(kind: type[R], tree: Mapping[str, Any], schema: int, where: str) -> R:
    """The record of class `kind` that `tree_of` gave; see `from_dict`."""
    if tree.get("schema") != schema:
        raise ParseError(
            f"schema {tree.get('schema')!r} is not {schema}",
            where=where,
            remedy="write the report again with this version of bitwright",
        )
    return _decode(kind, tree, where)


def json_text(tree: Mapping[str, Any], indent: int | None = 1) -> str:
    """A tree of JSON values as text that ends with a newline."""
    return json.dumps(tree, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def read_tree(source: str | Path, where: str) -> Mapping[str, Any]:
    """The JSON object in a text, or in the file at a path; raises `ParseError` or `StorageError`."""
    try:
        tree = json.loads(source if isinstance(source, str) else _text_of(source))
    except json.JSONDecodeError as error:
        raise ParseError(
            f"no JSON: {error}", where=where, remedy="name a report.json that bitwright wrote"
        ) from error
    return _mapping(tree, where)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            "cannot read the report", where=str(path), why=str(error), remedy="name a report.json"
        ) from error


def _encode(value: Any, where: str) -> Any:
    if is_dataclass(value):
        return {_key(f): _encode(getattr(value, f.name), f"{where}.{_key(f)}") for f in fields(value)}
    if isinstance(value, Mapping):
        tree = cast("Mapping[Any, Any]", value)
        return {str(key): _encode(item, f"{where}.{key}") for key, item in tree.items()}
    if isinstance(value, (tuple, list)):
        return [_encode(item, f"{where}[{at}]") for at, item in enumerate(cast("list[Any]", value))]
    return _encode_leaf(value, where)


def _encode_leaf(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Rational):
        return str(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    raise InvalidValue(
        f"{value!r} cannot be written as JSON", where=where, remedy="give a finite number, text, list or dict"
    )


def _key(f: Field[Any]) -> str:
    # `float_` is spelled so only because `float` is taken in Python.
    return f.name.rstrip("_")


def _decode(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return _decode_record(hint, _mapping(value, where), where)
    origin = get_origin(hint)
    if origin is types.UnionType:
        return None if value is None else _decode(get_args(hint)[0], value, where)
    if origin is tuple:
        return _decode_tuple(get_args(hint), value, where)
    if origin is Mapping:
        items = _mapping(value, where).items()
        return {key: _decode(get_args(hint)[1], item, f"{where}.{key}") for key, item in items}
    return value if hint is Any else _decode_leaf(hint, value, where)


def _decode_record(kind: type[Any], tree: Mapping[str, Any], where: str) -> Any:
    known = {_key(f): f for f in fields(kind)}
    for key in tree.keys() - known.keys():
        near = get_close_matches(key, known, 1)
        raise ParseError(
            f"unknown field {key!r}", where=where, remedy=f"write {near[0]!r}" if near else "leave it out"
        )
    for key in known.keys() - tree.keys():
        if known[key].default is MISSING and known[key].default_factory is MISSING:
            raise ParseError(f"field {key!r} is missing", where=where, remedy=f"add {key!r}")
    hints = get_type_hints(kind)
    present = {key: f.name for key, f in known.items() if key in tree}
    return kind(**{name: _decode(hints[name], tree[key], f"{where}.{key}") for key, name in present.items()})


def _decode_tuple(items: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    many = len(items) == 2 and items[1] is Ellipsis
    values = cast("list[Any]", value) if isinstance(value, list) else None
    if values is None or (not many and len(values) != len(items)):
        wanted = "a list" if many else f"a list of {len(items)}"
        raise ParseError(f"{value!r} is not {wanted}", where=where, remedy="write the report again")
    hints = (items[0],) * len(values) if many else items
    return tuple(_decode(h, v, f"{where}[{at}]") for at, (h, v) in enumerate(zip(hints, values, strict=True)))


def _decode_leaf(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ParseError(f"{value!r} is no {hint.__name__}", where=where, remedy="write the report again")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ParseError(f"{value!r:.40} is not an object", where=where, remedy="write the report again")
    return cast("dict[str, Any]", value)
