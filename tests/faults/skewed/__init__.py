"""On a process' path, not imported by anybody: Python itself looks there for sitecustomize."""
