"""The main job: the whole thread on one machine, with the sandboxes as the vendors."""
