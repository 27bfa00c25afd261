"""What is told of a peer's network from the address of its socket."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV4_BITS = 24
IPV6_BITS = 48
"""What one customer gets at most, as a rule: whoever has a /48 is one network with all its addresses."""


def prefix_of(address: str | None) -> str | None:
    """The prefix of a public address, as text; None where it says nothing of the network.

    Of private, loopback and link-local addresses, as on one machine or behind a proxy of one's own, each peer
    counts as being in a network of its own.
    """
    if address is None:
        return None
    try:
        # An interface's name may follow the address of a link.
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if not ip.is_global:
        return None
    bits = IPV4_BITS if ip.version == 4 else IPV6_BITS
    return str(ip_network((ip, bits), strict=False))
