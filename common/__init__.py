"""What the API and the workers share: settings, the clock, the tables, the broker's names, logs.

Nothing here knows the API or the workers (a test holds that), and nothing connects at import.
"""
