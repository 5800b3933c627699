"""Dips: asking over the network for the routing number of a number that the local table lacks.

Off unless ``[dips]`` names an HTTP service or an ENUM apex. Then a call whose target is in no table
waits for the answer, as long as the deadline at most, and is routed on the dialled number without.
"""
