"""GitHub's API as this project needs it: one request, one meaning."""
