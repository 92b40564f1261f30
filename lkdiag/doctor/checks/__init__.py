"""The doctor's checks, a small family a file; `lkdiag.doctor.table` says which there are and what each needs."""
