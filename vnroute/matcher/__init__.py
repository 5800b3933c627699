"""The hot path: a route image mapped, CHANNEL_DATA in, reply bytes out."""
