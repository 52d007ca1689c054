"""State space models with factorised Gaussian beliefs: RKN, Ac-RKN, HiP-RSSM and MTS3."""
