"""What synthesizers share that ask a frozen language model for rows: prompts that fit, requests, budgets, privacy."""
