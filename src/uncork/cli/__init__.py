"""The command line: argv -> Settings -> a role.  The composition root, and the only layer that knows every other."""
