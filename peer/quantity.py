"""Amounts as people write them on a command line: `800k`, `50M`, `1.5G`."""

import re

_TIMES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


def parse_amount(text: str) -> int | None:
    """A number above zero with k, M or G behind it, or nothing; None if it is no such number."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgG]?)", text)
    if match is None or float(match[1]) == 0:
        return None
    return int(float(match[1]) * _TIMES[match[2].lower()])
