"""SynLLM: rows from a frozen language model and a structured prompt."""
