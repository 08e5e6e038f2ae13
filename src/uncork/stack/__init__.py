"""Server and nginx together, as one thing that a person starts and stops.

`discover` finds the app (`names` reads one module for it), `place` the private directory, `port` the address,
`respawn` says when a dead process comes back; `up` plans with them, `chain` runs what was planned with `child`,
`notify` and `probe`.
"""
