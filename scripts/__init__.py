"""The commands, one file each. The only place that knows Hydra."""
