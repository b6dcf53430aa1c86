"""Runs cocotb tests by its own runner, in a process of its own: what to do is told as JSON on standard input."""

import json
import sys

from cocotb.runner import get_runner

told = json.load(sys.stdin)
runner = get_runner(told["simulator"])
runner.build(
    verilog_sources=told["sources"], hdl_toplevel=told["top"], build_dir=told["folder"], build_args=told["arguments"],
    always=True,
)  # fmt: skip
runner.test(
    hdl_toplevel=told["top"], test_module=told["module"], build_dir=told["folder"], test_dir=told["folder"],
    extra_env=told["environment"],
)  # fmt: skip
