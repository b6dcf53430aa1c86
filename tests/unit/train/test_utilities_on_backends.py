"""The utilities' own tests, on whatever backend this session runs (`make test-backends`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [HERE / name for name in ("test_utilities_convert.py", "test_utilities_measure.py", "test_codebook.py")]
FILES += [HERE.parents[1] / "compat/test_qkeras_utilities.py"]


@pytest.mark.backend
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_utilities_hold_on_this_backend(path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, cwd=HERE.parents[2])
    # 5: nothing to run, where the oracles are not here.
    assert done.returncode in (0, 5), done.stdout[-3000:]
