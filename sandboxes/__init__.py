"""Stand-in servers, one per vendor. They share no code with the clients they stand against."""
