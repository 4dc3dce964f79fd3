"""`make bench`: speed and size beside a bare echo of the same run, what is to be reached, and the figures of the last run.

`make bench ARGS="warm fires"` measures only those parts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import cold, ends, fair, fires, overload, records, size, warm
from tests.bench.figures import Figures, report
from tests.support.hubs import Hub, running

Part = Callable[[Path], Figures]


def on_a_hub(measured: Callable[[Hub], Figures]) -> Part:
    """Measured on a fresh hub of its own."""

    def part(folder: Path) -> Figures:
        with running(folder / "data") as hub:
            return measured(hub)

    return part


PARTS: dict[str, Part] = {
    "size": lambda folder: size.measured(folder / "data"),
    "warm": on_a_hub(warm.measured),
    "burst": on_a_hub(fires.burst),
    "lateness": on_a_hub(fires.lateness),
    "growth": fires.growth,
    "cold": on_a_hub(cold.measure_cold),
    "ends": on_a_hub(ends.measured),
    "held": on_a_hub(overload.measure_held),
    "fair": on_a_hub(fair.measure_fair),
    "overload": on_a_hub(overload.measure_overload),
    "records": lambda _folder: records.measure_records(),
}


def main(wanted: list[str]) -> int:
    """Run all parts, or those that are named."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        sys.stdout.write(f"No such part: {', '.join(unknown)}. There are: {', '.join(PARTS)}.\n")
        return 2
    figures: Figures = {}
    for name, part in PARTS.items():
        if wanted and name not in wanted:
            continue
        sys.stdout.write(f"measuring {name} …\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory() as folder:
            figures |= part(Path(folder))
    return min(report(figures), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
