"""The master: it opens the sockets, keeps the generations of workers, and obeys FIFO and signals.

`plan` decides, `loop` acts.  The master never imports user code, never sleeps and never waits for anything but its
selector.
"""
