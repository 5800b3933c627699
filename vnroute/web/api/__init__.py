"""The HTTP API: routing data, users, live state, all under ``/api/v1``."""
