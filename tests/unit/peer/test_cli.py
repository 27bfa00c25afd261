"""What a command loads: all there is takes most of a second, and people and tests start many."""

import json
import subprocess
import sys

LOADED = """
import contextlib, io, json, sys
from importlib import import_module
from peer.cli.app import app

def packages():
    return sorted({name for name in sys.modules if name.count(".") < 2})

loaded = {}
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    app(["--help"])
loaded["help"] = packages()
for command in ("signal", "chat", "relay", "watch"):
    import_module(f"peer.commands.{command}")
    loaded[command] = packages()
print(json.dumps(loaded))
"""


def test_a_command_loads_what_others_need() -> None:
    script = [sys.executable, "-c", LOADED]
    loaded = json.loads(subprocess.run(script, check=True, stdout=subprocess.PIPE, timeout=60).stdout)
    for package in ("aiohttp", "cryptography", "msgspec", "prometheus_client", "signaling.server"):
        assert package not in loaded["help"]
    for package in ("aiortc", "av", "peer.api", "sqlite3"):
        assert package not in loaded["signal"]
    for package in ("peer.simulator", "matplotlib"):
        assert package not in loaded["watch"]  # nor before it: what is loaded stays
    assert "aiortc" in loaded["chat"]
