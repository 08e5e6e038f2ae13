"""`uncork migrate`: the configuration of another server, or an old one of uWSGI's, becomes a clean ini file.

    source.read_command     command.py      shell words to server, words and variables
                            gunicorn.py, waitress.py, uvicorn.py, granian.py, devserver.py
                            flags.py        words to what was given
                            pythonfile.py   gunicorn.conf.py to what was given, without running it
                            rules.py        what was given to lines
                            draft.py        lines to text
    source.read_file        uwsgifile.py    a configuration of uWSGI's in any of its forms
                            lines.py        its lines as they are written
                            included.py     the files that it reads
                            flatten.py      their lines in place of what asks for them
                            tidy.py         a section in order, with canonical names

Pure but for the files that it is told to read.  Nothing that it reads is run.
"""
