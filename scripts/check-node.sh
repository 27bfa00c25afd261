#!/bin/sh
# Fails with one sentence unless Node.js is new enough for the web build (engines.node in web/package.json).
wanted='20.19'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "Please install Node.js $wanted or later with npm, then run make again." >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "Please install Node.js $wanted or later, then run make again: this machine has $(node --version)." >&2
  exit 1
fi
