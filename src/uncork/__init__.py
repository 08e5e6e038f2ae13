"""Uncork: nginx <-> uncork <-> your WSGI app.

`__version__` is what the running code shows; packaging reads pyproject.toml, and a test keeps the two equal.
"""

__version__ = "0.1.0"
