"""vnroute tells FreeSWITCH where every call to a virtual number (a DID) goes."""

__version__ = "0.1.0"
