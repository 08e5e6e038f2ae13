"""The page that nginx shows while the server behind it does not answer: it loads itself again until it does.

Runs in: the command line process, which writes it into a file; nginx sends it.  It names no cause and no path:
strangers may read it.
"""

# Seconds between two attempts of the browser.
RELOAD_AFTER = 2

UNAVAILABLE_PAGE = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="{RELOAD_AFTER}">
<title>One moment</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0; min-height: 100vh; box-sizing: border-box; display: grid; place-content: center; text-align: center;
       font: 1.05rem/1.6 system-ui, sans-serif; padding: 1rem }}
h1 {{ font-size: 1.6rem; margin: 0 0 .4rem }}
p {{ margin: 0; opacity: .75 }}
</style>
</head>
<body>
<main>
<h1>One moment, please</h1>
<p>The application is not answering right now. This page tries again by itself.</p>
</main>
</body>
</html>
"""
