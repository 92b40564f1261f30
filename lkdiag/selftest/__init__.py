"""lkdiag measures itself: failures that it makes on purpose, against what it says of them."""
