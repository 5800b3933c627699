"""Migrations of the database of users and keys, numbered."""
