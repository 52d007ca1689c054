"""The folders that commands leave behind: what is in them, and which checkpoint is meant by a name."""
