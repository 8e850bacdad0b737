"""From a language model's reply to checked rows of a table: constraints, examples, and a reader that trusts nothing."""

from skgensynth.llm.rows.formats import ParsedRows, RejectedRow, RowFormat

__all__ = ["ParsedRows", "RejectedRow", "RowFormat"]
