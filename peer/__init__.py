"""The Python peer: publisher, relay and headless viewer."""
