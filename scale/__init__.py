"""What runs on a cluster, and on one laptop just the same."""
