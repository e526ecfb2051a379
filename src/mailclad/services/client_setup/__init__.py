"""Setting up mail programs: one list of endpoints, told in the form and words of each program."""
