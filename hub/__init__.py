"""The runtime: joins flows, connectors and the store, and makes each thing happen once."""

import gc

# A loaded program is half a million objects that stay. Looking through them for garbage every few hundred new
# ones, as Python does by default, takes a fifth of the time to start, and milliseconds in the middle of work.
gc.set_threshold(50_000, 20, 20)
