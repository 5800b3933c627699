"""The control process: HTTP API, metrics and console. Routing does without it."""
