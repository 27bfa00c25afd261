"""Thousands of the very cores that run in production: an emulated network, a virtual clock, one seed."""
