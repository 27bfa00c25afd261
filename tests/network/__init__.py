"""Homes behind NATs, with delay, loss and rates, for real processes and browsers: docs/network-bed.md."""
