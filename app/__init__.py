"""For code of the original project: `model_registry_summary`."""
