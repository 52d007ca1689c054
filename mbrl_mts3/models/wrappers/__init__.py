"""World models around world models: ensembles, physical units, recalibrated variances."""
