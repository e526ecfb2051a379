"""Pages for people: signing in, setting up mail programs, devices."""
