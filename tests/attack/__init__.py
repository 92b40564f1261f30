"""The attack from outside: lkdiag against a broken network, foreign workers, and somebody who knows the truth."""
