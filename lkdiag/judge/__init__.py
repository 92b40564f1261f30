"""From facts to verdicts: what became of a trial, what was found about it, and why it went wrong."""
