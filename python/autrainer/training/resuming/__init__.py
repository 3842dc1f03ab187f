"""Going on where a run was, or from a shorter one."""
