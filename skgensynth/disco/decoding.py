"""Score rows with a language model, and decode rows from it that are right by construction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skgensynth.disco.grammars import Grammar, Tokens
from skgensynth.disco.text import TextCodec, TokenRow
from skgensynth.exceptions import SkgensynthError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ChoiceLogProbs:
    """Probabilities of all tokens at every step at which rows had a choice, row by row in the order of the steps.

    Attributes
    ----------
    rows : torch.Tensor of shape (n_choices,)
        Number of the row.
    tokens : torch.Tensor of shape (n_choices,)
        The row's own token, as its position in `TextCodec.vocabulary`.
    log_probs : torch.Tensor of shape (n_choices, n_tokens)
        Natural logarithms, normalised over the tokens that were allowed; ``-inf`` for the others.
    """

    rows: torch.Tensor
    tokens: torch.Tensor
    log_probs: torch.Tensor

    @property
    def chosen(self) -> torch.Tensor:
        """Log-probabilities of the rows' own tokens, of shape (n_choices,)."""
        return self.log_probs.gather(1, self.tokens[:, None])[:, 0]


def choice_log_probs(network: Any, codec: TextCodec, rows: Sequence[TokenRow]) -> ChoiceLogProbs:
    """Natural logarithm of the probability of every token at every choice, given what a row has before it.

    At every step at which a column's grammar leaves a choice, the network's scores are normalised over the allowed
    tokens; forced tokens have probability 1.

    Parameters
    ----------
    network : torch.nn.Module
        Causal language model whose head scores `TextCodec.vocabulary` only.
    codec : TextCodec
        Codec that made the rows.
    rows : sequence of TokenRow
        Rows to score together; at least one.

    Returns
    -------
    ChoiceLogProbs
        Differentiable, float32 on the network's device.
    """
    import torch

    device = next(network.parameters()).device
    width = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), width), dtype=np.int64)
    attention = np.zeros((len(rows), width), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        attention[number, : len(row.ids)] = 1
    steps = np.array(
        [(number, *choice) for number, row in enumerate(rows) for choice in row.choices], dtype=np.int64
    ).reshape(-1, 4)
    numbers, places, sets, targets = (torch.as_tensor(part, device=device) for part in steps.T)
    logits = network(
        input_ids=torch.as_tensor(ids, device=device),
        attention_mask=torch.as_tensor(attention, device=device),
        position_ids=torch.arange(width, device=device).expand(len(rows), width),
        use_cache=False,
    ).logits
    allowed = torch.as_tensor(codec.masks, device=device)[sets]
    # The token at a place was predicted one place before it.
    scores = logits[numbers, places - 1].float().masked_fill(~allowed, -torch.inf)
    return ChoiceLogProbs(numbers, targets, torch.log_softmax(scores, dim=-1))


def row_log_prob(network: Any, codec: TextCodec, rows: Sequence[TokenRow]) -> torch.Tensor:
    """Natural logarithm of the probability of rows under constrained decoding in their column order.

    Parameters
    ----------
    network, codec, rows
        See `choice_log_probs`.

    Returns
    -------
    torch.Tensor of shape (n_rows,)
        Differentiable, float32 on the network's device.
    """
    found = choice_log_probs(network, codec, rows)
    return found.log_probs.new_zeros(len(rows)).index_add(0, found.rows, found.chosen)


def decode_rows(
    network: Any,
    codec: TextCodec,
    n_rows: int,
    order: Sequence[int],
    rng: np.random.Generator,
    grammars: Mapping[int, Grammar],
    weighted: Collection[int] = (),
    n_pool: int = 64,
) -> NDArray[np.float64]:
    """Decode rows column by column; names and separators are fed, values are drawn from what a grammar allows.

    All rows share a column order, so that a forced piece is fed to all of them at once. Within a column a row that is
    done waits for the others: its place in the key-value cache is padded, hidden from attention, and does not count
    in its positions.

    Keeping to a grammar token by token favours values that share their first tokens with many forbidden ones: of
    ages from 65 on, 65 to 69 would get all the probability of 60 to 69. Columns in ``weighted`` are therefore decoded
    for a pool of rows, each weighted by the probability that the allowed tokens had among all, from which the rows
    that go on are drawn again (sequential Monte Carlo, ours): exact as the pool grows.

    Parameters
    ----------
    network : torch.nn.Module
        Causal language model whose head scores `TextCodec.vocabulary` only, in evaluation mode.
    codec : TextCodec
        Codec of the table.
    n_rows : int
        Number of rows, at least 1.
    order : sequence of int
        All columns, the first one first; those under a condition come before the others.
    rng : numpy.random.Generator
        Source of all draws.
    grammars : mapping of int to Grammar
        Grammars that take the place of the codec's own, for columns under a condition.
    weighted : collection of int
        Columns under a condition that leaves more than one value.
    n_pool : int, default=64
        Least number of rows in the pool for ``weighted`` columns.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Encoded rows.
    """
    decoder = _Decoder(network, codec, max(n_rows, n_pool) if weighted else n_rows, len(order), rng)
    last = max((place for place, index in enumerate(order) if index in weighted), default=None)
    for place, index in enumerate(order):
        grammar = grammars.get(index, codec.grammars[index])
        decoder.column(index, grammar, codec.grammars[index] if index in weighted else grammar)
        if place == last:
            decoder.draw_again(n_rows)
    return decoder.values


class _Decoder:
    """Rows that are being decoded together."""

    def __init__(self, network: Any, codec: TextCodec, n_rows: int, n_columns: int, rng: np.random.Generator) -> None:
        self.values = np.empty((n_rows, n_columns))
        self._codec = codec
        self._rng = rng
        self._reader = _Reader(network, n_rows)
        self._pending: list[list[int]] = [list(codec.start) for _ in range(n_rows)]
        self._log_weights = np.zeros(n_rows)

    def column(self, index: int, grammar: Grammar, wide: Grammar) -> None:
        """Decode a column under a grammar, weighting rows by what the grammar allows of a wider one."""
        codec = self._codec
        prefixes: list[Tokens] = [()] * len(self.values)
        for tokens in self._pending:
            tokens += codec.names[index]
        rows = list(range(len(self.values)))
        while choices := self._follow(grammar, wide, rows, prefixes):
            rows = [row for row, _, _ in choices]
            scores = self._reader.feed(self._pending)[rows]
            self._pending = [[] for _ in prefixes]
            masks = np.stack([codec.mask(allowed) for _, allowed, _ in choices])
            if wide is not grammar:
                wide_masks = np.stack([codec.mask(every) for _, _, every in choices])
                self._log_weights[rows] += _log_mass(scores, masks) - _log_mass(scores, wide_masks)
            drawn = codec.vocabulary[_draw(scores, masks, self._rng)].tolist()
            taken = [(row, token) for row, token in zip(rows, drawn, strict=True) if token != codec.end]
            for row, token in taken:
                prefixes[row] += (token,)
                self._pending[row].append(token)
            rows = [row for row, _ in taken]
        self.values[:, index] = [grammar.value(prefix) for prefix in prefixes]
        for tokens in self._pending:
            tokens.append(codec.end)

    def draw_again(self, n_rows: int) -> None:
        """Go on with rows drawn by their weights (systematic resampling, in random order)."""
        weights = np.exp(self._log_weights - self._log_weights.max())
        cumulative = np.cumsum(weights) / weights.sum()
        points = (np.arange(n_rows) + self._rng.random()) / n_rows
        kept = np.minimum(np.searchsorted(cumulative, points, side="right"), len(weights) - 1)
        kept = self._rng.permutation(kept)
        self.values = self.values[kept]
        self._pending = [list(self._pending[row]) for row in kept]
        self._log_weights = np.zeros(n_rows)
        self._reader.select(kept)

    def _follow(
        self, grammar: Grammar, wide: Grammar, rows: Sequence[int], prefixes: list[Tokens]
    ) -> list[tuple[int, Tokens, Tokens]]:
        """Append the tokens that leave no choice; return the rows that have one, what is allowed, and to the wider."""
        choosing = []
        for row in rows:
            allowed, every = self._options(grammar, wide, prefixes[row])
            while len(every) == 1:
                prefixes[row] += every
                self._pending[row] += every
                allowed, every = self._options(grammar, wide, prefixes[row])
            if every:
                choosing.append((row, allowed, every))
        return choosing

    def _options(self, grammar: Grammar, wide: Grammar, prefix: Tokens) -> tuple[Tokens, Tokens]:
        """Tokens that one grammar allows, and those that it or a wider one does."""
        allowed = grammar.allowed(prefix)
        if wide is grammar:
            return allowed, allowed
        every = wide.allowed(prefix)
        if every and not allowed:
            allowed = (self._codec.end,)  # Complete for the one, while the other could go on.
        return allowed, tuple(sorted({*allowed, *every}))


def _log_mass(scores: NDArray[np.float64], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logarithm of the sum of exponentials over the positions of a mask."""
    return np.logaddexp.reduce(np.where(masks, scores, -np.inf), axis=1)


def _draw(scores: NDArray[np.float64], masks: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """One allowed position for each row, with probabilities normalised over the allowed ones."""
    scores = np.where(masks, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    if not np.isfinite(weights).all():
        raise SkgensynthError(
            "The language model gives scores that are not numbers; fit it with a lower learning_rate."
        )
    cumulative = weights.cumsum(axis=1)
    total = cumulative[:, -1]
    # Strictly below the total, so that the first position above it has a weight of its own.
    points = np.minimum(rng.random(len(scores)) * total, np.nextafter(total, 0.0))
    return (cumulative <= points[:, None]).sum(axis=1)


class _Reader:
    """Feeds tokens to a network row by row through one key-value cache."""

    def __init__(self, network: Any, n_rows: int) -> None:
        import torch

        self._network = network
        self._device = next(network.parameters()).device
        self._cache: Any = None
        self._attention = torch.zeros((n_rows, 0), dtype=torch.long, device=self._device)
        self._lengths = torch.zeros((n_rows, 1), dtype=torch.long, device=self._device)

    def feed(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Feed each row its tokens, and return the scores after the last; (n_rows, n_tokens of the head)."""
        import torch

        width = max(len(row) for row in tokens)
        ids = torch.zeros((len(tokens), width), dtype=torch.long)
        attention = torch.zeros((len(tokens), width), dtype=torch.long)
        for number, row in enumerate(tokens):
            if row:  # Padding stands on the left, so that every row's last token is in the last place.
                ids[number, width - len(row) :] = torch.as_tensor(row)
                attention[number, width - len(row) :] = 1
        attention = attention.to(self._device)
        positions = (self._lengths + attention.cumsum(dim=1) - 1).clamp(min=0)
        self._attention = torch.cat([self._attention, attention], dim=1)
        self._lengths = self._lengths + attention.sum(dim=1, keepdim=True)
        with torch.inference_mode():
            output = self._network(
                input_ids=ids.to(self._device),
                attention_mask=self._attention,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
            )
        self._cache = output.past_key_values
        return output.logits[:, -1].double().cpu().numpy()

    def select(self, rows: NDArray[np.int64]) -> None:
        """Go on with these rows, in this order; a row may come several times."""
        import torch

        index = torch.as_tensor(rows, device=self._device)
        self._attention, self._lengths = self._attention[index], self._lengths[index]
        if self._cache is not None:
            self._cache.reorder_cache(index)
