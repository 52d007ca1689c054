"""Experiments: stages that are commands of this package, their results as rows, and one report page."""
