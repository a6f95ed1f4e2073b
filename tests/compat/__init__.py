"""The product beside programs that its users have in front of it and behind it."""
