"""The load-test kit: SIPp callers and carriers around vnroute, every call's path checked.

A profile says who calls, what the carriers do and what goes wrong meanwhile; a run plays it on a
real FreeSWITCH, or on the simulator where there is none; the checks hold each call against the
decision that ``vnroute route`` gives, and account for each of them exactly once.
"""
