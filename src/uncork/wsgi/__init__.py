"""PEP 3333 between a wire and an application: environ, start_response, iteration, close(), wsgi.input, file wrapper.

Runs in: worker.  Knows no socket: what it needs of a connection is `wire.Wire`.
"""
