"""What is decided about queued mail: when it is tried again, and what its sender is told.

Pure: time and random numbers are arguments.  Who asks the store and makes the attempts is
elsewhere.
"""
