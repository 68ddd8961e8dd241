"""Make a campus of any size: `python -m coursekit.simulator --learners 1000000 --out DIR`."""

from __future__ import annotations

import argparse
import time

from coursekit.simulator import SHIPPED_SEED, simulate


def peak_memory() -> str:
    """Peak resident memory of this process so far, or "?" where the system does not tell (Windows)."""
    try:
        import resource
        import sys
    except ImportError:
        return "?"
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} GB"


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, simulate, say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m coursekit.simulator", description=__doc__)
    parser.add_argument("--learners", type=int, default=3000, help="how many learners (default 3000)")
    parser.add_argument(
        "--seed", type=int, default=SHIPPED_SEED, help=f"default {SHIPPED_SEED}: the shipped world"
    )
    parser.add_argument("--out", required=True, help="folder to write the four csv files to")
    chosen = parser.parse_args(arguments)
    start = time.perf_counter()
    folder = simulate(chosen.seed, chosen.learners, folder=chosen.out, progress=True)
    print(f"{folder}: {time.perf_counter() - start:.0f} s, peak memory {peak_memory()}")


if __name__ == "__main__":
    main()
