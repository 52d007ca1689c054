"""docs/export.md: its program runs without PyTorch, and its table is that of the measurement."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text()
NO_TORCH = "import sys; sys.modules['torch'] = sys.modules['mbrl_mts3'] = None; exec(open('stream.py').read())"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_program_runs_without_torch(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write, stream = blocks()
    exec(write, {})
    (tmp_path / "stream.py").write_text(stream)
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(t) for t in range(10)]


def test_the_table_is_that_of_the_measurement() -> None:
    measured = json.loads((ROOT / "tests" / "performance" / "latency.json").read_text())["milliseconds"]
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    expected = [(m["model"], f"{m['python']:.2f}", f"{m['onnx']:.3f}", f"{m['aoti']:.3f}") for m in measured]
    assert rows == expected
    assert all(float(row[2]) <= 0.2 for row in rows)
