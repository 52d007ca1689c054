"""Planning agents: MPC, policies and critics inside imagination, records of plans, and rehearsals."""
