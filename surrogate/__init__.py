"""Gauge-equivariant networks: layers, models, training and the studies that show what they can do."""
