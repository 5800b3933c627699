"""Numbered SQL files, a directory a database."""
