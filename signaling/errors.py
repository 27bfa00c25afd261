"""What all errors have in common that a person is told of."""


class ToldError(Exception):
    """Ends a command. The message is one sentence for a person: what is wrong, and what to do."""

    refused = False
    """Whether somebody has decided so, which a command's exit code tells apart from a failure."""
