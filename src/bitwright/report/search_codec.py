"""Reports of searches as JSON and back, as strict as those of builds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitwright.core.files import write_atomic
from bitwright.report.codec import json_text, read_tree, record_from, tree_of
from bitwright.report.search_record import SEARCH_SCHEMA, SearchReport

__all__ = ["read_search", "search_from_dict", "search_from_json", "search_to_dict", "search_to_json", "write_search"]

WHERE = "search report"


def search_to_dict(report: SearchReport) -> dict[str, Any]:
    """`report` as a tree of JSON values; raises `InvalidValue` for NaN and what JSON cannot hold."""
    return tree_of(report, WHERE)


def search_from_dict(tree: Mapping[str, Any]) -> SearchReport:
    """The report that `search_to_dict` gave; raises `ParseError` for another schema, unknown or mistyped fields."""
    return record_from(SearchReport, tree, SEARCH_SCHEMA, WHERE)


def search_to_json(report: SearchReport, indent: int | None = 1) -> str:
    """`report` as JSON text that ends with a newline; equal reports give equal text."""
    return json_text(search_to_dict(report), indent)


def search_from_json(text: str) -> SearchReport:
    """The report in `text`; raises `ParseError`."""
    return search_from_dict(read_tree(text, WHERE))


def write_search(report: SearchReport, path: Path) -> Path:
    """Write `report` to `path` in one step; raises `StorageError`."""
    return write_atomic(path, search_to_json(report))


def read_search(path: Path) -> SearchReport:
    """The report in the file `path`; raises `StorageError` or `ParseError`."""
    return search_from_dict(read_tree(path, WHERE))
