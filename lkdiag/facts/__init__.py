"""What a timeline says, before anybody judges it: of a dispatch, a call, a run, and of how well they were watched."""
