"""Response headers that keep a browser from doing more with our pages than show them."""

from __future__ import annotations

__all__ = ["COMMON", "CONSOLE"]

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

CONSOLE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
}
"""Scripts and styles by file, our own only (CSP Level 3). Beyond that no text may become markup at
all: with Trusted Types and no policy, a browser that knows them throws on ``innerHTML`` and its
like, so what a stranger wrote (a caller's name) stays text even where a screen has a mistake.
"""
