"""Numbered changes of the schema, a directory for each kind of database."""
