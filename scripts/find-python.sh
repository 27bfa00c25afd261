#!/bin/sh
# Prints the newest Python from 3.11 to 3.13 on the path, or nothing. Each is run: version managers leave names that do not work.
for name in python3.13 python3.12 python3.11 python3; do
  if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    command -v "$name"
    exit 0
  fi
done
