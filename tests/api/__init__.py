"""The API: the contract, bad input, and what happens when a server is away."""
