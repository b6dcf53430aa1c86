"""Measurements: each module prints a table, and with --json writes rows, claims and versions.

`python -m benchmarks.NAME [--quick] [--json FILE]`; `make bench` runs them all and renders
docs/benchmarks.md.
"""
