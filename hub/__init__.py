"""The runtime: joins flows, connectors and the store, and makes each thing happen once."""

import gc

# A loaded program is 170,000 objects that stay. Looking through them for garbage again and again, as Python
# does by default, takes a tenth of the time to start, and milliseconds in the middle of work.
gc.set_threshold(50_000, 20, 20)
