"""Carriers' health: which gateways calls may take now, and how well each of them does."""
