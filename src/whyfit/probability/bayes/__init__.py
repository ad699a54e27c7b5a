"""Bayes: prior and likelihood to posterior, in closed form where there is one and checked where there is not."""
