import math

from common.runs import make_run

from skgensynth.comparison import layout


def lines(runs):
    (table,) = layout.tables(runs)
    return table


def column(table, key):
    place = [each.key for each in table.columns].index(key)
    return [line.cells[place] if line.cells else None for line in [*table.references, *table.lines]]


RUNS = (
    make_run(utility=0.61, utility_real=0.8, privacy=0.9, harmonic=0.73, hard_broken=0.1, n_tokens=1200.0),
    make_run(prompt="clin_rule", utility=0.52, utility_real=0.8, privacy=0.9, harmonic=0.66, hard_broken=0.3),
    make_run(llm="b", error="SamplingError: none"),
    make_run(synthesizer="DISCO", llm="", prompt="", utility=0.614, utility_real=0.8, harmonic=0.7, hard_broken=0.2),
)


def test_each_run_has_a_line_below_that_of_real_rows():
    table = lines(RUNS)
    assert [line.names for line in table.references] == [("real rows", "")]
    assert [line.names for line in table.lines] == [
        ("a", "seed_ex"),
        ("a", "clin_rule"),
        ("b", "seed_ex"),
        ("DISCO", ""),
    ]
    assert [cell.text if cell else None for cell in column(table, "utility")] == ["0.80", "0.61", "0.52", None, "0.61"]
    assert table.sizes == "60 training rows, 20 held out, 30 synthetic rows of each run"


def test_the_best_figures_as_they_read_are_marked():
    table = lines(RUNS)
    assert [cell and cell.is_best for cell in column(table, "utility")] == [False, True, False, None, True]
    assert [cell and cell.is_best for cell in column(table, "hard_broken")] == [False, True, False, None, False]
    # All that are known are the same.
    assert not any(cell and cell.is_best for cell in column(table, "privacy"))
    assert not any(cell and cell.is_best for cell in column(table, "n_tokens"))


def test_columns_that_nothing_is_known_of_are_left_out():
    keys = [each.key for each in lines(RUNS).columns]
    assert "soft_broken" not in keys
    assert "class_gaps" not in keys
    assert "n_tokens" in keys


def test_what_is_not_known_is_a_dash():
    assert [cell and cell.text for cell in column(lines(RUNS), "n_tokens")][-1] == "–"
    assert layout.COLUMNS[0].text({}) == "–"


def test_intervals_stand_beside_their_figures():
    (run,) = [make_run(utility=0.5, utility_low=0.4, utility_high=0.6)]
    assert column(lines([run]), "utility")[0].interval == "0.40 to 0.60"


def test_chance_has_a_line_where_it_is_known():
    table = lines([make_run(utility=0.5, utility_real=0.8, utility_chance=0.4, privacy=1.0)])
    assert [line.names[0] for line in table.references] == ["real rows", "chance"]
    assert [cell.text for cell in column(table, "utility")] == ["0.80", "0.40", "0.50"]
    assert [cell.text for cell in column(table, "privacy")] == ["", "", "1.00"]
    assert lines([make_run(privacy=1.0)]).references == []


def test_the_headline_names_the_best_balance_of_each_table():
    other = [
        make_run("plain", fidelity=0.4),
        make_run("plain", prompt="clin_rule", fidelity=0.7),
        make_run("bad", error="x"),
    ]
    assert layout.headline([*RUNS, *other]) == (
        "On ward, a with seed_ex balances privacy and utility best (0.73). "
        "On plain, a with clin_rule follows the real rows best (0.70). "
        "On bad, no run was finished."
    )


def test_the_headline_praises_nothing_that_is_of_no_use():
    none = [make_run(harmonic=0.0), make_run(prompt="b", harmonic=0.001)]
    assert layout.headline(none) == "On ward, no run is any good."
    weak = [make_run(harmonic=0.5, utility=0.33, utility_chance=0.4), make_run(prompt="b", harmonic=0.4)]
    assert layout.headline(weak) == (
        "On ward, a with seed_ex balances privacy and utility best (0.50), but models learn no more from its rows than "
        "chance."
    )


def test_text_lines_up_and_tells_why_runs_failed():
    text = layout.as_text(RUNS)
    title, header, real, first, _, failed, last, _, headline = text.split("\n")
    assert title.startswith("ward: 60 training rows")
    assert header.split()[:3] == ["model", "prompt", "utility"]
    assert real.startswith("real rows")
    end = header.index("utility") + len("utility")
    assert real[end - 4 : end] == "0.80"
    assert first[end - 5 : end] == "0.61*"
    assert failed.endswith("failed: SamplingError: none")
    assert last.startswith("DISCO")
    assert headline == layout.headline(RUNS)


def test_long_reasons_are_cut_on_the_terminal():
    text = layout.as_text([make_run(error="x" * 1000), make_run(llm="b", utility=0.5)])
    assert "x" * 99 + "…" in text
    assert "x" * 101 not in text


def test_text_of_failed_runs_alone():
    text = layout.as_text([make_run(error="E: no")])
    assert "ward: no run was finished" in text
    assert "a      seed_ex  failed: E: no" in text


def test_a_notebook_shows_no_foreign_markup():
    runs = [make_run("<i>t</i>", llm="<b>m</b>", utility=0.5), make_run("<i>t</i>", prompt="x", error="<u>e</u>")]
    html = layout.as_html(runs)
    for tag in ("<i>", "<u>"):
        assert tag not in html
    assert "&lt;b&gt;m" in html
    assert "failed: &lt;u&gt;e" in html
    assert "<b>0.61</b>" in layout.as_html(RUNS)


def test_no_figure_is_no_best_one():
    runs = [make_run(utility=math.nan), make_run(prompt="b", utility=0.5)]
    assert not any(cell.is_best for cell in column(lines(runs), "utility"))
