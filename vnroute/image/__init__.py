"""The route image's format: the one contract between compiler and matcher.

``layout`` is the file around the sections, ``records.pxd`` the records within them.
"""
