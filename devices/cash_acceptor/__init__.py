"""Cash acceptors: CCNET."""
