"""The certificate, an arbitrary tree of JSON values, as tables that a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

__all__ = ["Section", "sections"]

MOST_ROWS = 200
MOST_LETTERS = 160


@dataclass(frozen=True, slots=True)
class Section:
    """One table: what it is about, its columns, its rows, and how many rows were left to the JSON file."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def sections(certificate: Mapping[str, Any]) -> tuple[Section, ...]:
    """Plain facts first, then one table per list of records or nested object; long ones are cut and say so.

    >>> [section.title for section in sections({"exact": True, "layers": [{"name": "fc1"}]})]
    ['facts', 'layers']
    """
    nested = {key: item for key, item in certificate.items() if isinstance(item, (dict, list)) and item}
    facts = {key: item for key, item in certificate.items() if key not in nested}
    found = [_pairs("facts", facts)] if facts else []
    return (*found, *(_table(key, item) for key, item in nested.items()))


def _table(title: str, item: Any) -> Section:
    records = list(_records(item))
    if not records:
        return _pairs(title, item)
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [tuple(_text(record.get(column, "")) for column in columns) for record in records]
    return _cut(title, tuple(map(_title, columns)), rows)


def _records(item: Any) -> Iterator[dict[str, Any]]:
    """`item` as records: a list of objects as it is, an object of objects with its keys as first column."""
    values = cast("list[Any]", item) if isinstance(item, list) else list(item.values())
    if not values or not all(isinstance(value, dict) for value in values):
        return
    if isinstance(item, list):
        yield from values
    else:
        yield from ({"name": key, **value} for key, value in item.items())


def _pairs(title: str, item: Any) -> Section:
    return _cut(title, ("what", "value"), [(_title(key), _text(value)) for key, value in _flat(item, "")])


def _flat(item: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(item, dict) and item:
        for key, value in cast("dict[str, Any]", item).items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    elif isinstance(item, list) and any(isinstance(value, (dict, list)) for value in cast("list[Any]", item)):
        for at, value in enumerate(cast("list[Any]", item)):
            yield from _flat(value, f"{path}[{at}]")
    else:
        yield path, item


def _cut(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Section:
    return Section(_title(title), header, tuple(rows[:MOST_ROWS]), max(len(rows) - MOST_ROWS, 0))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"


def _title(key: str) -> str:
    return key.replace("_", " ")
