"""Settings for mail programs as others publish them: read, never believed."""
