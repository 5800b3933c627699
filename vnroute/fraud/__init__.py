"""Fraud: rules over what accounts spend and where they call, and what is done about it."""
