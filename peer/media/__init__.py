"""Media in: ingest, encoding, packaging into parts; media out over HTTP: LL-HLS playlists and the origin."""
