"""Command line, environment and configuration files become frozen, typed `Settings`.

`load.read` is the door.  A leaf: it knows neither sockets nor processes, and opens the files that it is told to read.
"""
