"""The files of models: digests and manifest, verified copies, and uploads that broke off."""
