"""The one client for what is read over http: counts, weather, and registries that a web server publishes."""
