"""What happens when: one file per business flow. A flow asks for a capability, never for a vendor."""
