"""What the business talks about. Pure: no input or output, no framework."""
