"""Shared memory between a generation of workers and the master: one anonymous mmap, one writer per cell, no locks.

`schema` says which cells there are, `board` lays them out, `cells` is the workers' compiled pen.
"""
