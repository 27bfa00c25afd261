"""Amounts and times as people write them on a command line: `800k`, `50M`, `1.5G`; `100ms`, `30s`, `12h`."""

import re

_TIMES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_SECONDS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_amount(text: str) -> int | None:
    """A number above zero with k, M or G behind it, or nothing; None if it is no such number."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgG]?)", text)
    if match is None or float(match[1]) == 0:
        return None
    return int(float(match[1]) * _TIMES[match[2].lower()])


def parse_time(text: str) -> float | None:
    """Seconds, from a number above zero with ms, s, m, h or d behind it; None if it is no such number."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if match is None or float(match[1]) == 0:
        return None
    return float(match[1]) * _SECONDS[match[2]]
