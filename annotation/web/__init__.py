"""The web framework that every page shares: what it guards against, how it looks, how it is served.

app.py        routes to an application: security headers, bounded bodies, errors, static files
guards.py     the middlewares: headers, body size, requests from another site
templates.py  Jinja pages on one frame (frame.html), with one look (look.css)
serve.py      a socket of loopback, uvicorn, signals; the same in a thread for tests and demos
"""
