"""Run all benchmarks of speed and write their rows to one file.

    python benchmarks/run.py [--scale F] [--out FILE]

Each line of the file is a JSON object: `name`, `peer`, `ours`, `ratio`, `bar`, `n`, `machine`. Nothing fails for being
slow. The operating characteristics are no speed: `operating_characteristics.py` makes their table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = ("analysis_speed.py", "report_speed.py", "attributions.py", "measures.py", "reading.py")


def main() -> None:
    """Run each script, show its rows as they come, and write the file when all are done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="times the size of the data (default 1)")
    parser.add_argument("--out", type=Path, default=HERE.parent / "out" / "bench.jsonl")
    given = parser.parse_args()
    lines: list[str] = []
    for script in SCRIPTS:
        command = [sys.executable, str(HERE / script), "--scale", str(given.scale)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        if process.returncode:
            sys.exit(f"{script} ended with code {process.returncode}; its rows are not written")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    part = given.out.with_suffix(".part")
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(given.out)


if __name__ == "__main__":
    main()
