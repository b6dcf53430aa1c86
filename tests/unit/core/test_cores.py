"""A process counts the processors it was given, not those of the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bitwright.core.cores import usable_cores


def test_a_process_on_one_core_counts_one() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("processes cannot be bound to cores here")
    program = """
import os
from bitwright.core.cores import usable_cores
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(usable_cores())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
