"""What this machine lacks for a network bed, in one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess

PROGRAMS = {
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "iptables-restore": "iptables",
    "ethtool": "ethtool",
    "gcc": "gcc",
    "nsenter": "util-linux",
}
PROBE = "iptables -t mangle -A PREROUTING -j NFQUEUE --queue-num 1 && nft add table ip probe"


def lacking(*more: tuple[str, str]) -> str | None:
    """None when all is there. `more`: further programs and the packages that hold them."""
    if os.name != "posix" or not os.path.isdir("/proc/self/ns"):
        return "The network bed needs Linux."
    if os.geteuid() != 0:
        return "The network bed makes network namespaces and needs root."
    packages = [package for name, package in (PROGRAMS | dict(more)).items() if shutil.which(name) is None]
    if packages:
        return f"The network bed needs these packages: {' '.join(dict.fromkeys(packages))}."
    probe = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", PROBE], capture_output=True, text=True
    )
    if probe.returncode:
        said = (probe.stderr.strip() or "no reason given").splitlines()[0]
        return f"The network bed needs namespaces, nftables and NFQUEUE, which this kernel refuses: {said}"
    return None
