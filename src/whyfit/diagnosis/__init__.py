"""What is wrong, shown: rules look at a Case, findings carry evidence, remedies are tried."""
