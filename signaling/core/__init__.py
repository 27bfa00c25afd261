"""Rooms, the braid planner and admission, without I/O."""
