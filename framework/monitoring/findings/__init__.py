"""What a reader of counts should know about the counters: finding it, and saying it."""
