"""The agent that runs target operations beside the targets: ``python -m chalicelib.relay``."""
