"""`SynLLMSynthesizer`: rows from a frozen language model and a structured prompt."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skgensynth.constraints import Constraint
from skgensynth.exceptions import SchemaError
from skgensynth.prompted.base import PromptedSynthesizer
from skgensynth.schema import TableSchema
from skgensynth.synllm.described import describe_table
from skgensynth.synllm.fitting import DescribingSynthesizer

__all__ = ["SynLLMSynthesizer"]


class SynLLMSynthesizer(DescribingSynthesizer):
    """Synthesizer that describes a table to a frozen language model and asks it for rows; nothing is trained.

    After SynLLM [1]_: one of four structured prompts, which go from a few real rows to none at all, or a template of
    the user. Replies are decoded under a grammar where the model can; whatever comes back is read by a parser that
    trusts nothing, and only the reply is read, never the prompt. How prompts are worded is ours.

    Parameters
    ----------
    llm : str, path-like, LanguageModel or callable, default="smollm2-135m"
        The language model, as `skgensynth.llm.resolve` takes it: a name, a GGUF file, a folder, a server's address, a
        backend, or a function. The default is small enough for any machine and good for trying things out; models of 7
        billion parameters and more make better rows.
    prompt : str, default="clin_rule"
        "seed_ex": columns and real example rows; "featdesc": also `feature_descriptions`; "statguide": also statistics
        of the training rows; "clin_rule": columns, descriptions, statistics and rules, but no real row. Or a template
        with the placeholders ``{columns}`` and ``{n_rows}``, and as wanted ``{context}``, ``{descriptions}``,
        ``{statistics}``, ``{rules}``, ``{examples}``, ``{conditions}`` and ``{format}``; the last two are added where
        they are lacking.
    feature_descriptions : dict of str to str, default=None
        What columns mean and their units, by column name.
    context : str, default=None
        A sentence about the table: where it is from, what a row is.
    rules : str, Constraint or list of these, default=None
        Rules of the table: "mined" finds those that all training rows keep; "diabetes", "stroke" and "cirrhosis" are
        ready sets for public tables; others are sentences ("if age < 18 then copd is no", "usually ...") or
        constraints. None is "mined" where the prompt shows rules, else no rules. Rows that break a hard rule of the
        user's are rejected; rules that are mined or soft ("usually ...") are shown to the model, and
        ``rule_violations_`` tells how many rows break them.
    n_examples : int, default=4
        Real rows that a prompt with examples shows: those of the class that it asks for, or, where it asks for all
        classes, from the classes in turn. They never come back as generated rows, unless the table has few different
        rows anyway.
    rows_per_request : int, default=None
        Rows that a request asks for, at most. In one reply, rows are apt to repeat those before them. None is 1 where
        the model reads a prompt that requests share only once, as llama.cpp does, so that this costs nothing, and else
        10.
    stratify : bool or "classes", default=True
        What is drawn for each row before the model is asked. "classes": the class, in the share that it has in the
        training rows, if the target is a category. True: where the prompt tells statistics, also a profile of the row,
        so that it follows them: a band for each number, a level for each category, and which values are missing. The
        grammar holds the model to it; models that take none, as most servers, choose freely. False leaves everything
        to the model, as `from_schema` always does.
    output : {"csv", "json"}, default="csv"
        How rows are written. CSV takes about half of the tokens; servers decode under a schema with JSON only.
    temperature : float, default=0.7
        Of decoding. At 0 every request with the same class and profile gets the same rows.
    top_p : float, default=0.9
        Only the likeliest tokens that together have this probability are drawn.
    repair : bool, default=False
        Whether numbers outside their range or off their grid, and levels in other case, are put right instead of
        rejected.
    allow_remote_rows : bool, default=False
        Whether a prompt with real rows may be sent to another machine.
    keep_examples : bool, default=False
        Whether pickles and saved models hold the example rows. Without them a prompt that shows examples needs a new
        `fit` there.
    max_requests : int, default=None
        Requests sent at most, from `fit` on.
    max_tokens_total : int, default=None
        Tokens read and written at most, from `fit` on.
    cache : str or path-like, default=None
        Folder for replies, so that the same request is answered from there. None keeps none.
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
        Whether a row that equals a training row in every modelled column is drawn again; see `BaseSynthesizer`.
    random_state : int, RandomState or None, default=None
        Source of all randomness. With an int, `sample` gives the same rows at every call, as far as the model answers
        the same request with a seed in the same way.
    verbose : int, default=0
        0 is silent; 1 shows progress on standard error.

    Attributes
    ----------
    prompt_ : str
        The text of a prompt, system and user message, as it is sent without conditions; where each class is asked for
        by itself, that for the most frequent one. Pickles and saved models leave it out where it shows rows that they
        leave out.
    statistics_ : TableStatistics
        Statistics of the training rows; empty where the prompt shows none.
    rules_ : ConstraintSet
        All rules: those of the user, then those found in the training rows.
    rule_violations_ : dict of str to float
        Share of the rows of the last draw that break each rule.
    usage_ : Usage
        Requests and tokens since `fit`.
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
    .. [1] "SynLLM: A Comparative Analysis of Large Language Models for Medical Tabular Synthetic Data Generation via
       Prompt Engineering", arXiv:2508.08529, 2025.

    Examples
    --------
    >>> from skgensynth import SynLLMSynthesizer
    >>> columns = {"age": (18, 90), "pregnant": ["no", "yes"]}
    >>> rules = ["usually if age > 50 then pregnant is no"]
    >>> synthesizer = SynLLMSynthesizer.from_schema(columns, rules=rules, random_state=0)
    >>> synthesizer.sample(3).shape
    (3, 2)
    """

    _parameter_constraints: ClassVar[dict] = {
        **PromptedSynthesizer._parameter_constraints,
        "prompt": [str],
        "rules": ["array-like", str, Constraint, None],
        "rows_per_request": [Interval(Integral, 1, None, closed="left"), None],
        "stratify": ["boolean", StrOptions({"classes"})],
    }

    def __init__(
        self,
        llm="smollm2-135m",
        prompt="clin_rule",
        *,
        feature_descriptions=None,
        context=None,
        rules=None,
        n_examples=4,
        rows_per_request=None,
        stratify=True,
        output="csv",
        temperature=0.7,
        top_p=0.9,
        repair=False,
        allow_remote_rows=False,
        keep_examples=False,
        max_requests=None,
        max_tokens_total=None,
        cache=None,
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
        self.prompt = prompt
        self.rules = rules
        self.rows_per_request = rows_per_request
        self.stratify = stratify

    @classmethod
    def from_schema(cls, columns: TableSchema | Mapping[Any, Any], *, target: Any = None, **params: Any) -> Self:
        """Make a fitted synthesizer from a description of the table, without any row.

        Parameters
        ----------
        columns : TableSchema or mapping of name to description
            A schema, or for each column a ``(low, high)`` range, a list of values, or a dict: see
            `skgensynth.synllm.described.describe_table`.
        target : hashable, default=None
            Name of the target among the described columns; then `sample` gives ``(X, y)``.
        **params
            Parameters of the synthesizer. The prompt must be one without rows and statistics of rows, such as
            "clin_rule" (the default), which then shows columns, descriptions and rules.

        Returns
        -------
        SynLLMSynthesizer
            A fitted synthesizer.

        Raises
        ------
        SchemaError
            If a description cannot be used; names the column.
        PromptError
            If the prompt shows rows or statistics.
        ConstraintError
            If a rule does not suit the columns.

        Examples
        --------
        >>> from skgensynth import SynLLMSynthesizer
        >>> synthesizer = SynLLMSynthesizer.from_schema({"age": (18, 90), "smoker": [False, True]}, target="smoker")
        >>> synthesizer.n_features_in_
        1
        """
        synthesizer = cls(**params)
        synthesizer._validate_params()
        schema = columns if isinstance(columns, TableSchema) else describe_table(columns, target)
        if target is not None and (schema.target is None or target not in (schema.target.label, schema.target.name)):
            raise SchemaError(f"target={target!r} is not the target of the schema")
        synthesizer.schema_ = schema
        features = [column.label for column in schema.columns if column.role == "feature"]
        synthesizer.n_features_in_ = len(features)
        if all(isinstance(name, str) for name in features):
            synthesizer.feature_names_in_ = np.asarray(features, dtype=object)
        synthesizer._describe(None, np.random.default_rng(0))
        return synthesizer
