"""What is set by hand and holds at once: checked, kept in the store, put on the state page.

For the command line and for HTTP alike.
"""
