"""The Link interface and what carries it: WebRTC, or memory."""
