"""What a publisher counts, read as Prometheus would."""

import re

import aiohttp

SENT = re.compile(r'^braidcast_sent_bytes_total\{via="(?:http|link)"\} (\S+)$', re.MULTILINE)


async def sent(base: str) -> float:
    """All bytes of media that the publisher at `base` sent."""
    async with aiohttp.ClientSession() as session, session.get(f"{base}/metrics") as response:
        return sum(map(float, SENT.findall(await response.text())))
