"""Readers and writers of data formats: Minari, D4RL, the pickles of the MTS3 paper, plain arrays."""
