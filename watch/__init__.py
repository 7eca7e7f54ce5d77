"""A page on this machine that follows a running `make repro` or `make study`."""
