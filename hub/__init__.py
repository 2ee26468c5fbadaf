"""The runtime: joins flows, connectors and the store, and makes each thing happen once."""
