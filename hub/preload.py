"""What the parts of a process tree load: imported once, by the process that they are forked from."""

import gc

import hub.commands.api
import hub.commands.worker  # noqa: F401

gc.freeze()  # no part looks through all this again, nor copies its pages by doing so
