"""Rows as text for a language model: "age is 75, sex is M", in any column order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Allowed
from skgensynth.disco.grammars import Grammar, LevelGrammar, NumberGrammar, Tokens
from skgensynth.exceptions import SkgensynthError
from skgensynth.schema import Column, TableSchema

NUMBER_CHARACTERS = "-.0123456789"
END_CHARACTERS = ",;|\n/#~"


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that is used here."""

    bos_token_id: int | None
    eos_token_id: int | None
    unk_token_id: int | None

    def __call__(self, text: str, *, add_special_tokens: bool) -> Any:
        """Tokenise a text; ``["input_ids"]`` are the ids."""
        ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None:
        """Look up the id of a token."""
        ...


@dataclass(frozen=True)
class Piece:
    """One value as tokens, with the steps at which its grammar left a choice.

    Parameters
    ----------
    tokens : tuple of int
        The value's tokens, without the end token that follows them in a row.
    choices : tuple of (int, int, int)
        Offset of a token, number of the set of tokens that were allowed there, position of the token in
        `TextCodec.vocabulary`. The end token counts where it was a choice.
    """

    tokens: Tokens
    choices: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class TokenRow:
    """One row as the tokens that a language model reads.

    Parameters
    ----------
    ids : list of int
        All tokens, forced ones and values.
    choices : list of (int, int, int)
        Index in ``ids`` of a token that was a choice, number of the set of tokens that were allowed, position of
        the token in `TextCodec.vocabulary`.
    columns : list of int
        Column of each choice.
    """

    ids: list[int]
    choices: list[tuple[int, int, int]]
    columns: list[int]


class TextCodec:
    """Write encoded rows as tokens of a language model, and read values back from tokens.

    A row is ``" age is 75, sex is M,"`` in any column order. Names, separators and values are tokenised apart from
    each other, so that the tokens of a value do not depend on its neighbours, and every value has one spelling:
    categories the tokeniser's own, numbers one token for each character. Decoding under `grammar` and training
    therefore see the same tokens, whether or not the tokeniser has tokens of several digits (ours).

    Parameters
    ----------
    schema : TableSchema
        Schema of the table; columns are its modelled ones.
    tokenizer : transformers.PreTrainedTokenizerBase
        Tokeniser of the language model.
    decimals : sequence of (int or None)
        Number of decimals of each column, from `skgensynth.decimals.number_decimals`; None for a categorical
        column.

    Attributes
    ----------
    vocabulary : ndarray of shape (n_tokens,)
        Sorted ids of all tokens that a value may need: the only ones a language model has to score.
    start : tuple of int
        Tokens before the first column: the model's begin or end of text, if it has any.
    names : list of tuple of int
        Tokens before each column's value.
    end : int
        Token after each value; it occurs in no value.

    Raises
    ------
    SkgensynthError
        If the tokeniser has no tokens of single digits or cannot tell the levels of a column apart.
    """

    def __init__(self, schema: TableSchema, tokenizer: Tokenizer, decimals: Sequence[int | None]) -> None:
        self.schema = schema
        self.decimals = list(decimals)
        self._tokenizer = tokenizer
        self._sets: dict[Tokens, int] = {}
        self._masks: list[NDArray[np.bool_]] = []
        self._pieces: list[dict[float | None, Piece | None]] = [{} for _ in schema.modelled]
        self._characters = self._number_characters()
        self._levels = [self._level_tokens(column) for column in schema.modelled]
        self._missing = [self._missing_tokens(index) for index in range(len(schema.modelled))]
        used = {token for levels in self._levels for tokens in levels for token in tokens}
        used |= {token for tokens in self._missing if tokens is not None for token in tokens}
        used |= set(self._characters.values())
        self.end_text, self.end = self._end_token(used)
        self.vocabulary: NDArray[np.int64] = np.array(sorted(used | {self.end}), dtype=np.int64)
        self._position = {int(token): position for position, token in enumerate(self.vocabulary)}
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self.start: Tokens = () if first is None else (first,)
        self.names = [self._name_tokens(column) for column in schema.modelled]
        self.grammars = [self.grammar(index) for index in range(len(schema.modelled))]

    def grammar(self, index: int, allowed: Allowed | None = None) -> Grammar:
        """The automaton of one column's values.

        Parameters
        ----------
        index : int
            Column, as its index in ``schema.modelled``.
        allowed : Allowed or None
            Condition on the column; None for everything that the training table had.

        Returns
        -------
        Grammar
            Holds at least one value.
        """
        column = self.schema.modelled[index]
        with_missing = column.has_missing if allowed is None else allowed.missing
        missing = self._missing[index] if with_missing else None
        if column.kind == "categorical":
            codes = _possible_codes(column, allowed)
            sequences = {float(code): self._levels[index][code] for code in codes}
            if missing is not None:
                sequences[math.nan] = missing
            return LevelGrammar(sequences, self.end)
        intervals = ((column.minimum, column.maximum),) if allowed is None else allowed.intervals
        intervals = tuple(interval for interval in intervals if not math.isnan(interval[0]))
        return NumberGrammar(intervals, self.decimals[index] or 0, self._characters, missing, self.end)

    def piece(self, index: int, value: float) -> Piece | None:
        """One value of a column as tokens; None for a value that the training table cannot have had.

        Parameters
        ----------
        index : int
            Column, as its index in ``schema.modelled``.
        value : float
            Encoded value; NaN for a missing one.

        Returns
        -------
        Piece or None
            The same object for the same value.
        """
        known = self._pieces[index]
        key = None if math.isnan(value) else value
        if key not in known:
            known[key] = self._piece(self.grammars[index], value)
        return known[key]

    def row(self, values: NDArray[np.float64], order: Sequence[int]) -> TokenRow | None:
        """One encoded row as tokens, its columns in the given order.

        Parameters
        ----------
        values : ndarray of shape (n_columns,)
            Encoded row.
        order : sequence of int
            All columns, the first one first.

        Returns
        -------
        TokenRow or None
            None if some value cannot have been in the training table.
        """
        ids = list(self.start)
        choices: list[tuple[int, int, int]] = []
        columns: list[int] = []
        for index in order:
            piece = self.piece(index, float(values[index]))
            if piece is None:
                return None
            ids += self.names[index]
            choices += [(len(ids) + offset, number, target) for offset, number, target in piece.choices]
            columns += [index] * len(piece.choices)
            ids += piece.tokens
            ids.append(self.end)
        return TokenRow(ids, choices, columns)

    def text(self, values: NDArray[np.float64], order: Sequence[int] | None = None) -> str:
        """One encoded row as readable text.

        Parameters
        ----------
        values : ndarray of shape (n_columns,)
            Encoded row.
        order : sequence of int or None
            Column order; None for the table's own.

        Returns
        -------
        str
            For instance ``"age is 75, sex is M"``.
        """
        columns = self.schema.modelled
        order = range(len(columns)) if order is None else order
        words = ["missing" if math.isnan(values[i]) else columns[i].format(float(values[i])) for i in order]
        parts = [f"{columns[i].name} is {word}" for i, word in zip(order, words, strict=True)]
        return f"{self.end_text} ".join(parts)

    def mask(self, tokens: Tokens) -> NDArray[np.bool_]:
        """Which tokens of `vocabulary` a set holds.

        Parameters
        ----------
        tokens : tuple of int
            Sorted token ids, as `Grammar.allowed` gives them.

        Returns
        -------
        ndarray of shape (n_tokens,)
            True where the token is in the set.
        """
        return self._masks[self._set_number(tokens)]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """The masks of all sets met so far, by the numbers that `Piece.choices` use; shape (n_sets, n_tokens)."""
        return np.array(self._masks, dtype=bool).reshape(-1, len(self.vocabulary))

    def longest_row(self) -> int:
        """Upper bound on the number of tokens of a row."""
        total = len(self.start)
        for index, column in enumerate(self.schema.modelled):
            lengths = [len(tokens) for tokens in [*self._levels[index], self._missing[index] or ()]]
            if column.kind != "categorical" and not math.isnan(column.minimum):
                ends = (self.grammars[index].tokens(bound) or () for bound in (column.minimum, column.maximum))
                lengths += [len(tokens) + 1 for tokens in ends]
            total += len(self.names[index]) + max(lengths, default=0) + 1
        return total

    def _piece(self, grammar: Grammar, value: float) -> Piece | None:
        tokens = grammar.tokens(value)
        if tokens is None:
            return None
        choices = []
        for offset in range(len(tokens) + 1):
            allowed = grammar.allowed(tokens[:offset])
            if len(allowed) > 1:
                token = tokens[offset] if offset < len(tokens) else self.end
                choices.append((offset, self._set_number(allowed), self._position[token]))
        return Piece(tokens, tuple(choices))

    def _set_number(self, tokens: Tokens) -> int:
        number = self._sets.get(tokens)
        if number is None:
            number = self._sets[tokens] = len(self._masks)
            mask = np.zeros(len(self.vocabulary), dtype=bool)
            mask[[self._position[token] for token in tokens]] = True
            self._masks.append(mask)
        return number

    def _ids(self, text: str) -> Tokens:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _single(self, character: str) -> int | None:
        """The token that is this character and nothing else, if there is one."""
        token = self._tokenizer.convert_tokens_to_ids(character)
        if token is None or token == self._tokenizer.unk_token_id:
            ids = self._ids(character)
            token = ids[0] if len(ids) == 1 and ids[0] != self._tokenizer.unk_token_id else None
        return token

    def _number_characters(self) -> dict[str, int]:
        if all(column.kind == "categorical" for column in self.schema.modelled):
            return {}
        found = {character: self._single(character) for character in NUMBER_CHARACTERS}
        tokens = {character: token for character, token in found.items() if token is not None}
        if len(set(tokens.values())) < len(NUMBER_CHARACTERS):
            raise SkgensynthError(
                "The model's tokenizer lacks tokens for single characters of numbers "
                f"({', '.join(c for c in NUMBER_CHARACTERS if c not in tokens) or 'some are shared'}), which numeric "
                "columns need. Choose another model for `policy`, one with a byte-level or SentencePiece tokenizer."
            )
        return tokens

    def _level_tokens(self, column: Column) -> list[Tokens]:
        """Tokens of each level, all different: what a tokeniser cannot tell apart gets a number behind it."""
        sequences: list[Tokens] = []
        for code in range(len(column.levels) if column.kind == "categorical" else 0):
            sequences.append(self._distinct(column, column.format(float(code)), set(sequences)))
        return sequences

    def _missing_tokens(self, index: int) -> Tokens | None:
        column = self.schema.modelled[index]
        if not column.has_missing:
            return None
        if column.kind == "categorical":
            return self._distinct(column, "missing", set(self._levels[index]))
        tokens = self._ids("missing")
        if not tokens or set(tokens) & set(self._characters.values()):
            raise SkgensynthError(
                f"The model's tokenizer cannot tell a missing value of column {column.name!r} from a number; "
                "choose another model for `policy`."
            )
        return tokens

    def _distinct(self, column: Column, text: str, taken: set[Tokens]) -> Tokens:
        for number in range(1, len(taken) + 2):
            tokens = self._ids(f" {text}" if number == 1 else f" {text} ({number})")
            if tokens not in taken:
                return tokens
        raise SkgensynthError(
            f"The model's tokenizer cannot tell the level {text!r} of column {column.name!r} from others; choose "
            "another model for `policy`."
        )

    def _name_tokens(self, column: Column) -> Tokens:
        # A number's characters carry no leading space, so that the space belongs to the forced part.
        return self._ids(f" {column.name} is" if column.kind == "categorical" else f" {column.name} is ")

    def _end_token(self, used: set[int]) -> tuple[str, int]:
        for character in END_CHARACTERS:
            token = self._single(character)
            if token is not None and token not in used:
                return character, token
        for token in (self._tokenizer.eos_token_id, self._tokenizer.bos_token_id):
            if token is not None and token not in used:
                return ",", token
        raise SkgensynthError(
            "The model's tokenizer has no token that could end a value: the levels use every separator and it has no "
            "end of text. Choose another model for `policy`."
        )


def _possible_codes(column: Column, allowed: Allowed | None) -> NDArray[np.intp]:
    """Levels that may be written: those of the training table, or others where a condition wants just them."""
    observed = np.asarray(column.counts, dtype=np.int64) > 0
    if allowed is None or allowed.codes is None:
        return np.flatnonzero(observed)
    both = np.flatnonzero(observed & allowed.codes)
    return both if len(both) or allowed.missing else np.flatnonzero(allowed.codes)
