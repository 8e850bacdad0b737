"""`MallmGanSynthesizer`: a data generation process in text that improves as a generative adversarial network does."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgensynth.mallm.costs import CostEstimate
from skgensynth.mallm.fitting import ProcessSynthesizer
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.loop import FEWEST_ROWS
from skgensynth.mallm.plots import plot_search
from skgensynth.mallm.trajectory import explain_search, iterations_of
from skgensynth.prompted.base import LLM, PromptedSynthesizer
from skgensynth.schema import TableSchema

__all__ = ["MallmGanSynthesizer"]


class MallmGanSynthesizer(ProcessSynthesizer):
    """Synthesizer for 25 to 800 rows whose model is a text, found by two language models and a classifier.

    After MALLM-GAN [1]_: a *data generation process* tells in words what the columns are, which depends on which, and
    what to look after. A language model, the generator, makes rows by it, a few real rows at a time; a classifier, the
    discriminator, learns to tell them from real ones; and a language model, the optimizer, sees how well the classifier
    does and writes a better process. No model is trained but the classifier. How prompts are worded is ours.

    Parameters
    ----------
    llm : str, path-like, LanguageModel or callable, default="smollm2-135m"
        The language model for both parts, as `skgensynth.llm.resolve` takes it: a name, a GGUF file, a folder, a
        server's address, a backend, or a function. The default is small enough for any machine and good for trying
        things out; it cannot reason about causes.
    generator_llm, optimizer_llm : str, path-like, LanguageModel or callable, default=None
        Other models for one part; None is `llm`. Only the generator sees real rows.
    context : str, default=None
        A sentence about the table: where it is from, what a row is.
    instruction : str, default=None
        The task that the search begins with; None is one of ours.
    feature_descriptions : dict of str to str, default=None
        What columns mean and their units, by column name.
    init : {"heuristic", "none"} or list of (str, str), default="heuristic"
        The causal graph that the search begins with: found in the rows by hill climbing (needs pgmpy), without edges
        but those required, or given as pairs of a cause and its effect.
    required_edges, forbidden_edges : list of (str, str), default=None
        Edges that are in every graph, and in none, by the names of cause and effect.
    max_parents : int, default=2
        Causes that a column has at most, unless more are required or given.
    n_epochs : int, default=None
        Passes over the training rows. None is what the paper takes: 5 up to 100 rows, 4 up to 200, 3 up to 400, else 2.
    batch_size : int, default=50
        Training rows of an iteration, at least 4: fewer give no score.
    n_examples : int, default=1
        Real rows that a request shows, and new rows that it asks for. More are cheaper, and are copied more easily.
    stratify : bool, default=True
        Whether a new row has the class of the example in its place, so that classes come in the shares of the training
        rows (ours). Only for models that decode under grammars, and not under conditions on the target. False leaves
        classes to the model, as in the paper.
    n_pairs : int, default=3
        Processes that the optimizer sees, the best ones.
    discriminator : {"logistic", "xgboost", "neural"}, default="logistic"
        The classifier. Logistic regression sees each column by itself, the others also what goes together.
    objective : {"accuracy", "distance_to_chance"}, default="accuracy"
        What is to be low: the share of rows that the classifier gets right, as in the paper, or its distance from one
        half.
    optimize : bool, default=True
        Whether there is a search. Without, `fit` asks nothing; with ``init="none"``, rows are made from examples alone.
    validation_size : float, default=0.2
        Share of rows that the classifier is judged by, at most a half: the nearest of 1/2, 1/3, 1/4 and so on counts.
    min_yield : float, default=0.8
        Share of good rows below which a process does not count; nor does it with new rows for less than half a batch.
    output : {"json", "csv"}, default="json"
        How rows are written. CSV takes about half of the tokens; servers decode under a schema with JSON only.
    temperature : float, default=0.5
        Of the generator.
    optimizer_temperature : float, default=1.0
        Of the optimizer.
    top_p : float, default=1.0
        Only the likeliest tokens that together have this probability are drawn.
    repair : bool, default=False
        Whether numbers outside their range or off their grid, and levels in other case, are put right instead of
        rejected.
    allow_remote_rows : bool, default=False
        Whether the generator, which sees real rows, may be on another machine.
    keep_examples : bool, default=False
        Whether pickles and saved models hold the training rows. Rows are made from these, so that without them a
        loaded synthesizer can tell its process, but makes no rows.
    max_requests : int, default=None
        Requests that `fit` sends at most, and as many again for all draws after it.
    max_tokens_total : int, default=None
        Tokens that `fit` reads and writes at most, and as many again for all draws after it.
    max_seconds : float, default=None
        Time after which `fit` asks for nothing more; what is under way is waited for. Whatever is used up, `fit` ends
        with the best process so far.
    cache : str or path-like, default=None
        Folder for replies, so that the same request is answered from there. None keeps none.
    checkpoint : str or path-like, default=None
        Folder for the state of the search: `fit` with the same rows, models and parameters goes on behind the last
        whole iteration. It holds generated rows, but no training rows. Functions as models are all taken to be the same
        one.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows of which class `fit_resample` adds, as everywhere in imbalanced-learn: see `BaseSynthesizer`.
    categorical_features : array-like of str, int or bool, default=None
        Columns to treat as categories: names, positions or a mask. None infers them.
    column_kinds : dict of str to {"categorical", "continuous", "identifier"}, default=None
        Kinds of single columns, over what is inferred.
    identifiers : {"regenerate", "drop", "refuse"}, default="regenerate"
        What becomes of columns that look like identifiers or free text: made anew, left out of the synthetic table, or
        an error at `fit`.
    copies : {"refuse", "allow"}, default="refuse"
        Whether a row that equals a training row in every modelled column is drawn again; see `BaseSynthesizer`. One
        that equals an example of its own request is, in either case.
    random_state : int, RandomState or None, default=None
        Source of all randomness. With an int, `fit` and `sample` give the same at every call, as far as the models
        answer the same request with a seed in the same way.
    verbose : int, default=0
        0 is silent; 1 shows progress on standard error.

    Attributes
    ----------
    process_ : DataGenerationProcess
        The process that rows are made by.
    causal_graph_ : CausalGraph
        Its graph.
    trajectory_ : tuple of Iteration
        What was tried: graph, instruction, scores, yield and notes of each iteration.
    stop_reason_ : str
        Why the search ended.
    prompt_ : str
        The text of a prompt of the generator, system and user message, as it is sent without conditions. Pickles and
        saved models leave it out unless they keep the rows.
    usage_ : Usage
        Requests and tokens of `fit` and of the draws since.
    sampling_summary_ : SamplingSummary
        Candidates, accepted rows and reasons for rejection of the last draw.
    schema_ : TableSchema
        What is known about the columns.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X, where all are strings.
    sampling_strategy_ : dict
        Rows to add per class; set by `fit_resample` only.

    References
    ----------
    .. [1] Ling, Jiang and Kim, "MALLM-GAN: Multi-Agent Large Language Model as Generative Adversarial Network for
       Synthesizing Tabular Data", arXiv:2406.10521, 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgensynth import MallmGanSynthesizer
    >>> table = pd.DataFrame({"age": [31, 45, 45, 62, 70] * 6, "smoker": ["no", "no", "yes"] * 10})
    >>> edges = [("age", "smoker")]
    >>> synthesizer = MallmGanSynthesizer(init=edges, optimize=False, random_state=0).fit(table)
    >>> synthesizer.causal_graph_.edges
    (('age', 'smoker'),)
    """

    _parameter_constraints: ClassVar[dict] = {
        **PromptedSynthesizer._parameter_constraints,
        "generator_llm": [*LLM, None],
        "optimizer_llm": [*LLM, None],
        "instruction": [str, None],
        "init": [StrOptions({"heuristic", "none"}), list, tuple],
        "required_edges": [list, tuple, None],
        "forbidden_edges": [list, tuple, None],
        "max_parents": [Interval(Integral, 1, None, closed="left")],
        "n_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, FEWEST_ROWS, None, closed="left")],
        "stratify": ["boolean"],
        "n_pairs": [Interval(Integral, 1, None, closed="left")],
        "discriminator": [StrOptions({"logistic", "xgboost", "neural"})],
        "objective": [StrOptions({"accuracy", "distance_to_chance"})],
        "optimize": ["boolean"],
        "validation_size": [Interval(Real, 0, 0.5, closed="right")],
        "min_yield": [Interval(Real, 0, 1, closed="both")],
        "optimizer_temperature": [Interval(Real, 0, None, closed="left")],
        "max_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "checkpoint": [str, os.PathLike, None],
    }

    def __init__(
        self,
        llm="smollm2-135m",
        *,
        generator_llm=None,
        optimizer_llm=None,
        context=None,
        instruction=None,
        feature_descriptions=None,
        init="heuristic",
        required_edges=None,
        forbidden_edges=None,
        max_parents=2,
        n_epochs=None,
        batch_size=50,
        n_examples=1,
        stratify=True,
        n_pairs=3,
        discriminator="logistic",
        objective="accuracy",
        optimize=True,
        validation_size=0.2,
        min_yield=0.8,
        output="json",
        temperature=0.5,
        optimizer_temperature=1.0,
        top_p=1.0,
        repair=False,
        allow_remote_rows=False,
        keep_examples=False,
        max_requests=None,
        max_tokens_total=None,
        max_seconds=None,
        cache=None,
        checkpoint=None,
        sampling_strategy="auto",
        categorical_features=None,
        column_kinds=None,
        identifiers="regenerate",
        copies="refuse",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            llm,
            context=context,
            feature_descriptions=feature_descriptions,
            n_examples=n_examples,
            output=output,
            temperature=temperature,
            top_p=top_p,
            repair=repair,
            allow_remote_rows=allow_remote_rows,
            keep_examples=keep_examples,
            max_requests=max_requests,
            max_tokens_total=max_tokens_total,
            cache=cache,
            sampling_strategy=sampling_strategy,
            categorical_features=categorical_features,
            column_kinds=column_kinds,
            identifiers=identifiers,
            copies=copies,
            random_state=random_state,
            verbose=verbose,
        )
        self.generator_llm = generator_llm
        self.optimizer_llm = optimizer_llm
        self.instruction = instruction
        self.init = init
        self.required_edges = required_edges
        self.forbidden_edges = forbidden_edges
        self.max_parents = max_parents
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.stratify = stratify
        self.n_pairs = n_pairs
        self.discriminator = discriminator
        self.objective = objective
        self.optimize = optimize
        self.validation_size = validation_size
        self.min_yield = min_yield
        self.optimizer_temperature = optimizer_temperature
        self.max_seconds = max_seconds
        self.checkpoint = checkpoint

    def estimate_cost(self, X, y=None) -> CostEstimate:
        """Predict what `fit` and draws will ask, before anything is asked.

        Tokens are counted with the models' own tokenizers where these are on this machine, else estimated.

        Parameters
        ----------
        X, y
            As for `fit`. Nothing is learned, and the synthesizer stays as it is.

        Returns
        -------
        CostEstimate
            Requests and tokens of `fit`, and by its ``sample`` those of a draw. Limits are not taken into account.

        Raises
        ------
        SchemaError
            If the table cannot be used; the message names the column.
        ValueError
            If a parameter is invalid.

        Examples
        --------
        >>> import pandas as pd
        >>> from skgensynth import MallmGanSynthesizer
        >>> table = pd.DataFrame({"age": [31, 45, 45, 62, 70] * 6, "smoker": ["no", "no", "yes"] * 10})
        >>> cost = MallmGanSynthesizer(init="none", n_epochs=2, optimize=False).estimate_cost(table)
        >>> cost.fit.n_requests, cost.sample(30).n_requests
        (0, 30)
        """
        self._validate_params()
        draft = type(self)(**self.get_params(deep=False))  # the models themselves, which may bear no copying
        draft.schema_ = TableSchema.infer(
            X,
            y,
            categorical_features=self.categorical_features,
            column_kinds=self.column_kinds,
            identifiers=self.identifiers,
        )
        return draft._estimate(draft.schema_.encode(X, y))

    def explain(self) -> str:
        """Tell what the search tried, why it ended, and by which process rows are made.

        Returns
        -------
        str
            An entry for each iteration, with what changed since the one before.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        return explain_search(self.trajectory_, self.process_, self.stop_reason_)

    def plot_trajectory(self, ax: Any = None) -> np.ndarray:
        """Draw scores and changes of the graph by iteration.

        Parameters
        ----------
        ax : sequence of matplotlib.axes.Axes, default=None
            Two axes; None makes a figure.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, of shape (2,)
            Scores, with those of the chosen process marked; edges added, removed and reversed.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If there was no search, or `ax` is not two axes.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        return plot_search(self.trajectory_, iterations_of(self.process_, self.trajectory_), ax)

    @property
    def causal_graph_(self) -> CausalGraph:
        """The graph of the process that rows are made by."""
        check_is_fitted(self)
        return self.process_.graph
