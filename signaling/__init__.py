"""The introducer: rooms, tokens, who feeds whom. It carries no media."""
