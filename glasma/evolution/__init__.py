"""Schemes that move the fields and the charges in time."""
