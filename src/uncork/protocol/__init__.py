"""Bytes to values and back: no socket, no clock, no log, no configuration.

`uwsgi` is the wire protocol of nginx's `uwsgi_pass`.
"""
