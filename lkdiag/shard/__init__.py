"""A run in several processes: the share of each, how they are started, and how their journals are merged."""
