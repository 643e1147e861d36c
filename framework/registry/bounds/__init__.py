"""What bounds the work on a registry: pruning of the cache, checks that go on where they stopped, depth of entries."""
