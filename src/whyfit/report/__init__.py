"""Renders a Document as text, JSON and HTML; computes nothing."""
