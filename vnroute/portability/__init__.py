"""Number portability: which numbers have moved, and the routing number that each is reached by.

A table of its own beside the route image (``portability.vnp``), made by ``vnroute portability``
and mapped by the workers: a hundred million rows in some two to three bytes each. What a carrier is
chosen by is the routing number; what is dialled stays the number itself.
"""
