"""Jinja2 templates and style of the report."""
