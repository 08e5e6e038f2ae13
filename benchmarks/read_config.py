"""How long reading a configuration takes, in this process and as `uncork check`.

    python benchmarks/read_config.py DIRECTORY_OR_FILE...

Prints the slowest files: the first reading, which imports what a format needs, and the best of several.
"""

import subprocess
import sys
import time
from pathlib import Path

from uncork.config.load import read
from uncork.config.report import arguments

TIMES = 5
SHOWN = 5


def milliseconds(path: Path) -> float:
    """One reading."""
    begin = time.perf_counter()
    read(arguments(str(path)), {})
    return (time.perf_counter() - begin) * 1000


def checked(path: Path) -> float:
    """`uncork check` from the start of the process to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "uncork", "check", str(path)], stdout=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - begin) * 1000


def files_of(name: str) -> list[Path]:
    """The file, or all files of the directory."""
    return sorted(path for path in Path(name).rglob("*") if path.is_file()) if Path(name).is_dir() else [Path(name)]


def main(names: list[str]) -> None:
    """Measure all files."""
    files = [file for name in names for file in files_of(name)]
    measured = [(milliseconds(file), min(milliseconds(file) for _ in range(TIMES)), file) for file in files]
    print(f"{len(measured)} files; the slowest, in ms: the first reading, the best of {TIMES}")
    for first, best, file in sorted(measured, key=lambda row: row[1], reverse=True)[:SHOWN]:
        print(f"{first:8.1f} {best:8.1f}  {file.name}")
    first, _, file = max(measured)
    print(f"{first:8.1f}           {file.name}, the slowest first reading")
    slowest = max(measured, key=lambda row: row[1])[2]
    print(f"uncork check {slowest.name}: {min(checked(slowest) for _ in range(TIMES)):.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
