"""Files of counts: read in chunks, and written completely or not at all."""
