"""Nuclei before they touch: charges, profile, Wilson lines."""
