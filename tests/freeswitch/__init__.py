"""Tests against a real FreeSWITCH with SIPp on both sides of it."""
