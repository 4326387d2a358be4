"""Tests of the notifiers, and of the endpoint for answers."""
