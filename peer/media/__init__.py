"""Ingest, encoding, packaging into parts, and the HTTP origin."""
