"""The command that starts the server anew, in another process or in place of this one.

Runs in: `uncork up`, and a start that fell back to another configuration.
"""

import sys

# -P: the directory of the project must not shadow the modules that the server itself imports; it puts the project on
# the path later, for the app.
SERVER = (sys.executable, "-P", "-m", "uncork")
