"""The control plane: what the server can be told (one table of commands) and what it tells (the statistics).

Pure but for `statsserver`.  The master acts on it.
"""
