"""What is wrong with a mail server, anybody's: facts gathered, rules, a catalogue that tells."""
