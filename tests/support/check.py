"""`make check`: every check at the same time, each with how long it took; what failed is printed."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKS = {
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "types": [str(BIN / "mypy")],
    "imports": [str(BIN / "lint-imports")],
}


def run(name: str) -> tuple[str, int, float, str]:
    """One check: its name, exit code, seconds, and what it said."""
    begun = time.monotonic()
    done = subprocess.run(CHECKS[name], capture_output=True, text=True, check=False)
    return name, done.returncode, time.monotonic() - begun, done.stdout + done.stderr


def main() -> int:
    """Run all; 1 when one failed."""
    failed = 0
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        for name, code, seconds, said in pool.map(run, CHECKS):
            sys.stdout.write(f"{name:8} {'fine' if code == 0 else 'failed'} in {seconds:.1f} s\n")
            if code:
                failed = 1
                sys.stdout.write(said)
    return failed


if __name__ == "__main__":
    sys.exit(main())
