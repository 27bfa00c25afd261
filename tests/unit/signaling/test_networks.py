"""What an address tells of its network, and when it tells nothing."""

import pytest

from signaling.core.networks import prefix_of


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("8.8.8.8", "8.8.8.0/24"),
        ("8.8.8.200", "8.8.8.0/24"),
        ("::ffff:8.8.8.8", "8.8.8.0/24"),
        ("2600:1:2:3::4", "2600:1:2::/48"),
        ("2600:1:2:ffff::5", "2600:1:2::/48"),
        ("127.0.0.1", None),
        ("::1", None),
        ("192.168.1.7", None),
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("fe80::1%eth0", None),
        ("fd00::1", None),
        ("not an address", None),
        (None, None),
    ],
)
def test_prefix_of_an_address(address: str | None, prefix: str | None) -> None:
    assert prefix_of(address) == prefix
