"""Write `docs/benchmarks.md` from `docs/benchmarks/*.json`: `python -m benchmarks.render`.

Each file holds `{"rows": [...], "claims": [{"claim", "value", "bound", "holds"}], "versions": {...}}` and
may hold `title` and `text`. Nothing on the page is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main", "render"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAD = """# Benchmarks

`make bench` runs every module of `benchmarks/` and writes this page from the JSON in `docs/benchmarks/`.
Peers run beside bitwright in the same run where they are installed; ratios count, absolute times belong to
the machine.
A claim is computed, never typed, and one that does not hold stays on the page.
"""
EMPTY = "\nNo results are committed yet.\n"


def render(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page in Markdown for the results by benchmark name; claims of all of them come first."""
    claims = [(name, claim) for name, result in results.items() for claim in result.get("claims", ())]
    parts = [HEAD]
    if not results:
        parts.append(EMPTY)
    if claims:
        rows = [
            (_link(name), c["claim"], c["value"], c["bound"], "yes" if c["holds"] else "**no**")
            for name, c in claims
        ]
        parts.append("\n## Claims\n\n" + _table(("benchmark", "claim", "measured", "bound", "holds"), rows))
    parts += [_section(name, result) for name, result in results.items()]
    return "".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the committed results; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=DOCS / "benchmarks", help="folder of JSON files")
    parser.add_argument("--out", type=Path, default=DOCS / "benchmarks.md")
    options = parser.parse_args(arguments)
    files = sorted(options.results.glob("*.json"))
    drawn = _pictures(options.results, [path.stem for path in files])
    results = {path.stem: {**_read(path), "pictures": drawn[path.stem]} for path in files}
    options.out.write_text(render(results), encoding="utf-8")
    sys.stdout.write(f"{options.out}: {len(results)} benchmarks\n")
    return 0


def _read(path: Path) -> Mapping[str, Any]:
    result = json.loads(path.read_text(encoding="utf-8"))
    missing = {"rows", "claims", "versions"} - result.keys()
    if missing:
        raise SystemExit(
            f"{path}: no {', '.join(sorted(missing))}\ntry: python -m benchmarks.{path.stem} --json {path}"
        )
    return result


def _pictures(folder: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The SVG files of each benchmark, from the page: those that begin with its name, and with no longer one."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for file in sorted(folder.glob("*.svg")):
        owner = max((name for name in names if file.stem.startswith(f"{name}_")), key=len, default=None)
        if owner is not None:
            found[owner].append(f"{folder.name}/{file.name}")
    return found


def _section(name: str, result: Mapping[str, Any]) -> str:
    title, text = result.get("title") or name.replace("_", " "), result.get("text", "")
    header = tuple(dict.fromkeys(key for row in result["rows"] for key in row))
    table = _table(header, ([row.get(key, "") for key in header] for row in result["rows"]))
    versions = ", ".join(f"{tool} {version}" for tool, version in result["versions"].items())
    lead = f"{text}\n\n" if text else ""
    drawn = "".join(f"\n![{Path(file).stem.replace('_', ' ')}]({file})\n" for file in result.get("pictures", ()))
    tail = f"Measured with {versions or 'unknown versions'}."
    return f'\n<a id="{name}"></a>\n\n## {title}\n\n{lead}{table}{drawn}\n{tail}\n'


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    names = [_cell(name) for name in header]
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _link(name: str) -> str:
    return f"[{name.replace('_', ' ')}](#{name})"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
