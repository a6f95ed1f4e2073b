"""How the tools that ours is measured against are called: run by the Python of their own."""
