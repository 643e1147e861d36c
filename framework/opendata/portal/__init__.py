"""Requests to a portal that speaks the Explore API 2.1, and the tables of its exports."""
