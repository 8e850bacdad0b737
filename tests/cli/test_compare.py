import json
from types import SimpleNamespace

import pytest
from common.learners import train_one_learner
from common.scripted import write_rows
from common.servers import ScriptedServer, completion
from common.toy import MarginalsSynthesizer
from common.ward import ward

import skgensynth
from skgensynth.cli import main

pytest.importorskip("openai")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """How well models learn does not matter here."""
    train_one_learner(monkeypatch)


@pytest.fixture
def server():
    """A server on this machine that writes rows as its prompts describe them."""

    def script(body, _):
        messages = [SimpleNamespace(**message) for message in body["messages"]]
        return 200, {}, completion(write_rows(SimpleNamespace(messages=messages, seed=body["seed"])))

    with ScriptedServer(script) as running:
        yield running


@pytest.fixture
def model(server):
    return f"{server.url}#scripted"


@pytest.fixture(autouse=True)
def table(folder):
    rows = ward()
    rows.to_csv(folder / "ward.csv", index=False)
    return rows


def _run(capsys, *arguments):
    code = main(["compare", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def prompts_of(server):
    return [body["messages"][-1]["content"] for body in server.bodies]


def test_everything_from_a_file(folder, server, model, capsys):
    outputs = ("--out", "runs.jsonl", "--report", "compare.html", "--json", "compare.json")
    prompts = ("--prompt", "seed_ex", "--prompt", "clin_rule")
    code, out, err = _run(capsys, "ward.csv", "--target", "died", "--llm", model, *prompts, "--rows", 12, *outputs)
    saved = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    page = (folder / "compare.html").read_text(encoding="utf-8")
    assert code == 0
    assert [run["prompt"] for run in saved["runs"]] == ["seed_ex", "clin_rule"]
    assert {run["table"] for run in saved["runs"]} == {"ward.csv"}
    assert saved["runs"][0]["figures"]["n_rows"] == 12
    assert saved["runs"][0]["figures"]["n_tokens"] == 18 * 2
    assert "ward.csv: 60 training rows, 20 held out, 12 synthetic rows" in out
    assert saved["headline"] in out
    assert "Utility against privacy" in page
    assert "ward.csv: 80 rows, 4 columns" in err
    assert "run 2 of 2: ward.csv, " in err
    assert "run 2 of 2" not in out
    assert len((folder / "runs.jsonl").read_text().splitlines()) == 2


def test_the_same_command_goes_on_where_it_stopped(folder, server, model, capsys):
    arguments = ("ward.csv", "--llm", model, "--prompt", "seed_ex", "--rows", 12, "--out", "runs.jsonl", "--quiet")
    _, first, _ = _run(capsys, *arguments)
    asked = len(server.bodies)
    code, again, err = _run(capsys, *arguments)
    assert code == 0
    assert len(server.bodies) == asked == 2
    assert again == first
    assert err == ""
    _run(capsys, *arguments, "--seed", 1)
    assert len(server.bodies) == 4


def test_what_is_known_of_the_table_gets_into_its_prompts(folder, server, model, capsys):
    (folder / "words.json").write_text(json.dumps({"age": "in years"}), encoding="utf-8")
    (folder / "rules.txt").write_text("# of the ward\nusually age < 80\n", encoding="utf-8")
    known = ("--context", "A ward.", "--descriptions", "words.json", "--rules", "rules.txt")
    code, out, _ = _run(capsys, "ward.csv", "--target", "died", "--llm", model, *known, "--rows", 10)
    assert code == 0
    assert "soft rules" in out
    prompts = prompts_of(server)
    # Each of the four prompts is sent once for each of the two classes.
    assert len(prompts) == 8
    assert all("A ward." in prompt for prompt in prompts)
    assert sum("in years" in prompt for prompt in prompts) == 6
    assert sum("usually age < 80" in prompt for prompt in prompts) == 2


def test_options_hold_for_all_tables_or_for_one_each(folder, server, model, table, capsys):
    table.assign(sex=table["died"]).to_csv(folder / "other.csv", index=False)
    options = ("--llm", model, "--prompt", "clin_rule", "--rows", 10, "--quiet", "--json", "c.json")
    each = ("--context", "One.", "--context", "Two.", "--target", "died", "--target", "sex")
    code, _, _ = _run(capsys, "ward.csv", "other.csv", *each, *options)
    assert code == 0
    prompts = prompts_of(server)
    begun = [prompt.split("\n")[0] for prompt in prompts]
    assert begun == sorted(begun)
    assert set(begun) == {"One.", "Two."}
    assert ["sex (the target)" in prompt for prompt in prompts] == [words == "Two." for words in begun]
    server.bodies.clear()
    _run(capsys, "ward.csv", "other.csv", "--target", "died", "--context", "Both.", *options)
    assert {prompt.split("\n")[0] for prompt in prompts_of(server)} == {"Both."}


def test_settings_reach_the_model(server, model, capsys):
    arguments = ("ward.csv", "--llm", model, "--prompt", "seed_ex", "--rows", 10, "--output", "json", "--quiet")
    _run(capsys, *arguments)
    assert "json" in prompts_of(server)[0].lower()


def test_failed_runs_are_shown_and_exit_with_1(folder, model, capsys):
    models = ("--llm", model, "--llm", "no-such-model")
    arguments = ("ward.csv", *models, "--prompt", "seed_ex", "--rows", 10, "--quiet", "--report", "compare.html")
    code, out, err = _run(capsys, *arguments)
    assert code == 1
    assert "failed: ModelNotFoundError: The model 'no-such-model' is not on this machine" in out
    assert err == "skgensynth: error: 1 of 2 runs failed; with --out, they can be tried again\n"
    assert "no-such-model" in (folder / "compare.html").read_text(encoding="utf-8")
    code, out, _ = _run(capsys, *arguments, "--max-requests", 1, "--rows", 20)
    assert out.count("failed: BudgetExceededError: The budget of max_requests=1") == 1
    code, out, err = _run(capsys, *arguments, "--max-tokens", 5, "--out", "runs.jsonl")
    assert out.count("failed: BudgetExceededError: The budget of max_tokens_total=5") == 1
    assert "2 of 2 runs failed; the same command tries them again" in err


def test_a_method_can_stand_beside_models(model, capsys, monkeypatch):
    monkeypatch.setitem(vars(skgensynth), "DiscoTabSynthesizer", MarginalsSynthesizer)
    arguments = ("ward.csv", "--llm", model, "--prompt", "seed_ex", "--rows", 10, "--baseline", "disco", "--quiet")
    code, out, _ = _run(capsys, *arguments)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[3:6]] == ["real", model, "disco"]


def test_figures_are_those_of_the_library(folder, server, model, table, capsys):
    from skgensynth.comparison import ComparisonTable, compare

    options = ("--target", "died", "--rows", 10, "--holdout", 0.3, "--seed", 3, "--rules", "mined")
    _run(capsys, "ward.csv", "--llm", model, "--prompt", "clin_rule", *options, "--json", "c.json", "--quiet")
    saved = json.loads((folder / "c.json").read_text(encoding="utf-8"))["runs"][0]
    known = ComparisonTable(table, "died", rules="mined")
    report = compare({"ward.csv": known}, llms=model, prompts=["clin_rule"], n_rows=10, holdout=0.3, random_state=3)
    (run,) = report.to_dict()["runs"]
    for state in (run, saved):
        for name in ("seconds", "fit_seconds"):
            del state["figures"][name]
    # The fingerprint, too: a file of runs serves both.
    assert run == saved


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv"),
        (["ward.txt"], "must end in"),
        (["ward.csv", "ward.csv"], "a table is given twice"),
        (["ward.csv", "--target", "height"], "ward.csv has no column 'height'; its columns are age, weight"),
        (["ward.csv", "--context", "a", "--context", "b"], "--context: give it once for all tables, or 1 times"),
        (["ward.csv", "--descriptions", "none.json"], "none.json"),
        (["ward.csv", "--descriptions", "list.json"], "list.json: write an object of column to description"),
        (["ward.csv", "--descriptions", "bad.json"], "bad.json: no JSON in UTF-8"),
        (["ward.csv", "--prompt", "featdesc"], "prompt='featdesc' needs feature_descriptions"),
        (["ward.csv", "--rules", "stroke2"], "--rules 'stroke2': there is no such file; mined, diabetes, stroke"),
        (["ward.csv", "--rules", "rules.txt"], "rules.txt, line 2"),
        (["ward.csv", "--rules", "stroke"], "none of the ready rules 'stroke' suits the table"),
        (["ward.csv", "--holdout", "0.05"], "too few to hold out"),
        (["ward.csv", "--out", "nowhere/runs.jsonl"], "no folder nowhere"),
        (["ward.csv", "--out", "ward.csv"], "ward.csv, line 1: no run of a comparison"),
        (["ward.csv", "--report", "folder.html"], "is a folder"),
        (["ward.csv", "--json", "nowhere/c.json"], "no folder nowhere"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(folder, capsys, arguments, message):
    (folder / "folder.html").mkdir()
    (folder / "list.json").write_text("[1]")
    (folder / "bad.json").write_text("{")
    (folder / "rules.txt").write_text("age > 3\nheight > 3\n")
    code, out, err = _run(capsys, *arguments, "--llm", "no-such-model")
    error = err.strip().splitlines()[-1]
    assert code == 2
    assert error.startswith("skgensynth: error: ")
    assert message in error
    assert out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["ward.csv", "--prompt", "x"], ["ward.csv", "--rows", "0"], ["ward.csv", "--baseline", "x"]]
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["compare", *arguments])
    _, err = capsys.readouterr()
    assert caught.value.code == 2
    assert len(err.strip().splitlines()) == 1


def test_an_interruption_says_so(capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skgensynth.comparison.running.try_out", interrupt)
    assert main(["compare", "ward.csv", "--llm", "no-such-model", "--quiet"]) == 130
    assert capsys.readouterr().err == "skgensynth: error: interrupted\n"


def test_jinja2_is_missed_before_the_work(capsys, monkeypatch):
    monkeypatch.setattr("skgensynth.cli.terminal.find_spec", lambda name: None)
    assert "skgensynth[report]" in _run(capsys, "ward.csv", "--report", "r.html")[2]
