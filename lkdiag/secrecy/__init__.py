"""The only scrubber: it takes secrets out of every text that comes from outside, before the text is kept or shown."""
