"""What all pages share: the templates, the style and the script that stand within, the record at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ToolMissing
from bitwright.report import words

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["embedded", "static", "template"]

HERE = Path(__file__).parent


@cache
def template(name: str) -> Template:
    """The template in the file `name`, which escapes all text; raises `ToolMissing` without jinja2."""
    try:
        import jinja2
    except ImportError as error:
        raise ToolMissing(
            "jinja2 is not installed", where="HTML report", remedy="pip install 'bitwright[report]'"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["count"] = words.count
    return environment.get_template(name)


def static(*names: str) -> Any:
    """Our own style sheets or scripts, one after the other, to be placed as they are."""
    from markupsafe import Markup

    return Markup("".join((HERE / name).read_text(encoding="utf-8") for name in names))


def embedded(tree: Mapping[str, Any]) -> Any:
    """A tree of JSON values as text that may stand in a script element."""
    from markupsafe import Markup

    # Inside a script element only "<" can end it or open a comment.
    return Markup(json.dumps(tree, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))
