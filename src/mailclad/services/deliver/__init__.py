"""Mail that leaves: from the queue to the servers of other domains."""
