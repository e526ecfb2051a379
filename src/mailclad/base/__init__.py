"""Words used on every floor; knows nothing of mail, networks or disks."""
