"""nginx: a value that says what to serve -> configuration text; which nginx is there; as whom its workers run.

`directives` is the syntax, `site` one server block, `private` a whole nginx of our own, `binary` and `account` look
at the machine.  Nothing here starts a process that outlives the call.
"""
