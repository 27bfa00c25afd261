"""The nftables rules by which a home's router behaves as a kind of NAT (the words of RFC 3489)."""

from __future__ import annotations

from tests.network.homes import NatKind

ESTABLISHED = "ct state established,related accept"


def nat_rules(kind: NatKind, machine: str) -> str:
    """A ruleset for the router whose interfaces are `lan` and `wan`; `machine` is the address behind it."""
    if kind == "none":
        return ""
    # A plain masquerade keeps the source port while it is free: the mapping is the same towards all, and only
    # who was written to may answer (port-restricted). A random port each time makes it symmetric.
    mapping = "masquerade fully-random" if kind == "symmetric" else "masquerade"
    sets, incoming, outgoing = "", "", ""
    if kind == "full cone":
        incoming = f'iifname "wan" meta l4proto udp dnat to {machine}'
    elif kind == "address-restricted":
        sets = "set written_to { type ipv4_addr; flags dynamic,timeout; timeout 120s; }"
        outgoing = 'iifname "lan" meta l4proto udp update @written_to { ip daddr }'
        incoming = f'iifname "wan" meta l4proto udp ip saddr @written_to dnat to {machine}'
    elif kind == "udp blocked":
        outgoing = 'iifname "lan" meta l4proto udp drop'
    return f"""
table ip home {{
  {sets}
  chain translate_in {{
    type nat hook prerouting priority -100;
    {incoming}
  }}
  chain translate_out {{
    type nat hook postrouting priority 100;
    oifname "wan" {mapping}
  }}
  chain to_router {{
    # Dropped before a probe that comes early is remembered: that would cost the answer its source port.
    type filter hook input priority 0;
    iifname "wan" {ESTABLISHED}
    iifname "wan" drop
  }}
  chain through {{
    type filter hook forward priority 0;
    {outgoing}
    {ESTABLISHED}
    iifname "lan" accept
    ct status dnat accept
    iifname "wan" drop
  }}
}}
"""
