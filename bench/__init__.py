"""How fast vnroute is, beside its peers and beside what the machine can do at all.

``make bench`` runs it all and prints one table. Every figure of a table was taken in the same run:
servers are measured in rounds that alternate, so that what else the machine does meets each alike.
"""
