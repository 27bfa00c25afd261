"""The introducer's server: WebSocket sessions, the API and the pages."""

from signaling.protocol import IceServer
from signaling.server.app import Running, create_app, run
from signaling.server.config import Config, SignalingError

__all__ = ["Config", "IceServer", "Running", "SignalingError", "create_app", "run"]
