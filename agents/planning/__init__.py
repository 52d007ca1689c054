"""Planning agents: MPC, what its policies and critics see, records of its plans, and a rehearsal before the first episode."""
