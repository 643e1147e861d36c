"""Pictures of an evaluation and of a forecast; they need matplotlib."""
