"""Why a trial went wrong, one file for those causes that are told apart by the same evidence."""
