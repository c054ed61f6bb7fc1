"""The front door."""


def main() -> None:
    """The command."""
