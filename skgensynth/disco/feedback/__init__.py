"""Feedback for a policy: discriminators at four levels, laws of the table, rewards, and the policy gradient."""
