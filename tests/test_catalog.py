"""The catalogue of families."""

from __future__ import annotations

import subprocess
import sys


def test_the_catalogue_and_configs_load_neither_torch_nor_scikit_learn() -> None:
    code = "import sys, training.config; sys.exit(' '.join({'torch', 'sklearn', 'transformers'} & sys.modules.keys()) or 0)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
