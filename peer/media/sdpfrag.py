"""The fragments in which a WHIP client sends its candidates after its offer (RFC 8840, section 9)."""

import re
from dataclasses import dataclass, field

MAX_CANDIDATES = 64


class FragmentError(ValueError):
    """It is no fragment; one sentence."""


@dataclass(slots=True)
class Fragment:
    """What one says."""

    fragment_name: str | None = None
    """The `ice-ufrag` of the session that it is for."""
    candidates: list[tuple[str, str]] = field(default_factory=list)
    """The `mid` of each, and the candidate without its `candidate:`."""
    ended: bool = False
    """No candidates follow."""


def read_fragment(text: str) -> Fragment:
    """Read an `application/trickle-ice-sdpfrag`. Raises FragmentError."""
    fragment, mid = Fragment(), None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "a=mid":
            mid = value.strip()
        elif name == "a=ice-ufrag":
            fragment.fragment_name = value.strip()
        elif name == "a=end-of-candidates":
            fragment.ended = True
        elif name == "a=candidate":
            if mid is None:
                raise FragmentError("A candidate comes before the mid that it belongs to.")
            if len(fragment.candidates) == MAX_CANDIDATES:
                raise FragmentError(f"There are more than {MAX_CANDIDATES} candidates.")
            fragment.candidates.append((mid, value.strip()))
    return fragment


def fragment_names(sdp: str) -> set[str]:
    """All that are in an offer."""
    return {match[1] for match in re.finditer(r"^a=ice-ufrag:(\S+)", sdp, re.MULTILINE)}
