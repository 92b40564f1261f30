"""A run of several processes: what each plays, how they are started, and how their journals become one."""
