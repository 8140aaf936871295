"""Rows for tests, brought to a state only through the services that bring them there in production."""
