"""What bounds the work on a registry: a cache that is pruned, checks that are continued, the depth of entries."""
