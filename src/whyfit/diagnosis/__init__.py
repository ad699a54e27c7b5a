"""Findings: rules that measure, remedies that are edits, trials that compare."""
