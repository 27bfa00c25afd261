"""The braid, window, liveness, clock and chat log, without I/O."""
