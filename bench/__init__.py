"""What a follow-up costs, beside bare Temporal workflows on the same server: `make bench`."""
