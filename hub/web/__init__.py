"""The HTTP interface: hooks for vendors, the API for people and their programs."""
