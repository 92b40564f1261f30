"""What lkdiag costs, as ratios within one run: `make bench`. Nothing here is a test, and nothing asserts a time."""
