"""Command line, environment and configuration files become frozen, typed `Settings`.

`load.load` is the door.  A leaf: it knows neither sockets nor processes, and opens no file but those it is told to read.
"""
