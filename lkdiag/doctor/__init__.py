"""`lkdiag doctor`: is the project fit to be tested, and what is wrong with it? One small check after the other."""
