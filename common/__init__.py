"""What both the API and the workers use: settings, clock, tables, broker, logs.

Nothing here imports the API or the workers (``make lint`` checks it) or connects at import. What
only one of them uses belongs there.
"""
