"""Guarantees: a workload that notes every call, and a checker that judges what it noted."""
