"""The promises of a registry backend: a class of tests, and the records it uses."""
