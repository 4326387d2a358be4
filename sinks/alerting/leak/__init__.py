"""Leaks, the first kind of finding that becomes alerts."""
