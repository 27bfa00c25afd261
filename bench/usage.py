"""CPU time and memory of processes, from /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def process_seconds(pid: int) -> float:
    """CPU seconds that one process has used."""
    return _seconds(Path(f"/proc/{pid}/stat"))[0]


def process_memory(pid: int) -> int:
    """Bytes of memory that one process has now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024
    raise ProcessLookupError(pid)


def group_seconds(group: int) -> float:
    """CPU seconds that the living processes of a group have used together."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            seconds, of = _seconds(stat)
        except OSError:
            continue  # it ended while we looked
        total += seconds if of == group else 0.0
    return total


def machine_busy() -> tuple[float, float]:
    """Seconds of all cores since the start: busy ones, and all."""
    fields = [int(field) / TICKS for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def _seconds(stat: Path) -> tuple[float, int]:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[2])
