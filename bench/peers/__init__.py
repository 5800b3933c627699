"""Outbound servers that answer each call with one bridge, and do nothing else."""
