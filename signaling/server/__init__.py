"""The aiohttp application around the introducer's core."""
