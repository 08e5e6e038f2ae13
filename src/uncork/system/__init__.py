"""The only home of system calls with consequences: fork, kill, wait, bind, setuid, prctl, files of the server.

Each module is one subject; policy (what to do when) lives above.
"""
