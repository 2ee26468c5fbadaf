"""The commands of `guantong`, each imported when it is asked for: hub/cli.py has the list."""
