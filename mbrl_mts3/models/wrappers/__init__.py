"""Wrappers of world models: ensembles, physical units, recalibrated variances."""
