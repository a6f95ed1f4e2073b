"""What every endpoint shares: errors, limits, transactions, formats, caching, documentation."""
