"""HTTP concerns that all endpoints share; imports no other package of the API."""
