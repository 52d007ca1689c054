"""mts3-data, the command that takes words instead of options."""
