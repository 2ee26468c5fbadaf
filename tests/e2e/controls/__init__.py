"""Hubs that are wrong on purpose: a harness that cannot catch them proves nothing."""
