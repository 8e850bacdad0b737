from __future__ import annotations

import copy
import dataclasses
import importlib.util
import json
import pickle
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from common.requests import PERSON, ROWS, ask
from common.servers import ScriptedServer, after, completion

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm import JsonSchema, ServerModel, generate_all
from skgensynth.llm.loading import find_gguf
from skgensynth.llm.server import _pause

openai = pytest.importorskip("openai")

SECRET = "sk-very-secret-0815"
UNAVAILABLE = (503, {}, {"error": {"message": "try later"}})


def echo(body, n=0):
    """Answer with the last message."""
    return 200, {}, completion(body["messages"][-1]["content"])


def at(server, **options):
    return ServerModel(server.url, "m", **options)


def texts(replies):
    return [reply.text for reply in replies]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Pauses between attempts are a hundredth of what they are, unless the server says how long."""
    monkeypatch.setattr("skgensynth.llm.server._PAUSE", 0.005)


def test_a_request_arrives_whole_and_the_reply_comes_back():
    with ScriptedServer(echo) as server:
        reply = generate_all(at(server), [ask("Hi", system="Be brief.", seed=2**31 + 5, stop=("x",), max_tokens=9)])[0]

    assert server.bodies == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "max_tokens": 9,
            "temperature": 0.7,
            "top_p": 0.9,
            "seed": 5,
            "stop": ["x"],
        }
    ]
    assert (reply.text, reply.finish_reason, reply.constrained) == ("Hi", "stop", False)
    assert (reply.n_prompt_tokens, reply.n_completion_tokens) == (11, 7)


def test_tokens_are_estimated_where_the_server_does_not_count():
    with ScriptedServer(lambda body, n: (200, {}, completion("a" * 30, usage=False))) as server:
        reply = generate_all(at(server), [ask("b" * 60)])[0]

    assert (reply.n_prompt_tokens, reply.n_completion_tokens) == (20, 10)


@pytest.mark.parametrize(("told", "expected"), [("length", "length"), ("content_filter", "other")])
def test_the_reason_to_finish_is_passed_on(told, expected):
    with ScriptedServer(lambda body, n: (200, {}, completion("a", finish_reason=told))) as server:
        assert generate_all(at(server), [ask()])[0].finish_reason == expected


def test_many_requests_are_in_flight():
    with ScriptedServer(lambda body, n: after(0.05, echo(body))) as server:
        replies = generate_all(at(server, max_concurrency=4), [ask(f"{i}") for i in range(16)])

    assert texts(replies) == [f"{i}" for i in range(16)]
    assert server.most_in_flight == 4


def moody(body, n):
    """Fail the first attempts, each request in its own way."""
    number = int(body["messages"][-1]["content"])
    failures = [
        UNAVAILABLE,
        (429, {"Retry-After": "0.01"}, {"error": {"message": "slow down"}}),
        (500, {}, b"<html>oops</html>"),
        (200, {}, b'{"choices": [{"index"'),
        (200, {}, b'{"choices": []}'),
        (200, {}, {"choices": [{"message": {"content": ["a"]}, "finish_reason": "stop"}]}),
        (200, {}, {"choices": {"0": "a"}}),
        None,
    ]
    return failures[(number + n) % len(failures)] if n < number % 4 else echo(body)


def test_no_request_is_lost_or_answered_twice_by_a_moody_server():
    requests = [ask(f"{i}") for i in range(24)]
    with ScriptedServer(moody) as server:
        found = list(at(server).generate(requests))

    assert sorted((index, reply.text) for index, reply in found) == [(i, f"{i}") for i in range(24)]
    assert len(server.bodies) == sum(1 + i % 4 for i in range(24))


def test_an_attempt_that_takes_too_long_is_repeated():
    with ScriptedServer(lambda body, n: after(1.0 if n == 0 else 0, echo(body))) as server:
        assert texts(generate_all(at(server, timeout=0.2), [ask("a")])) == ["a"]
        assert len(server.bodies) == 2


def test_an_answer_that_drips_is_given_up():
    def drip(body, n):
        def pieces():
            for _ in range(400):
                dripped.append(after(0.05, b" "))
                yield dripped[-1]

        return 200, {}, pieces()

    dripped = []
    with ScriptedServer(drip) as server, pytest.raises(LanguageModelError, match=r"within 0\.5 seconds"):
        generate_all(at(server, deadline=0.5), [ask()])
    assert len(dripped) < 400


def test_an_empty_account_is_not_asked_again():
    answer = (429, {}, {"error": {"message": "you exceeded your quota", "code": "insufficient_quota"}})
    with (
        ScriptedServer(lambda body, n: answer) as server,
        pytest.raises(LanguageModelError, match=r"refused a request: .*quota"),
    ):
        generate_all(at(server), [ask()])
    assert len(server.bodies) == 1


def test_retry_after_is_respected():
    def script(body, n):
        times.append(time.monotonic())
        return echo(body) if n else (429, {"Retry-After": "0.4"}, {"error": {"message": "slow down"}})

    times = []
    with ScriptedServer(script) as server:
        generate_all(at(server), [ask()])

    assert times[1] - times[0] >= 0.4


def test_pauses_double_with_jitter_up_to_half_a_minute(monkeypatch):
    monkeypatch.setattr("skgensynth.llm.server._PAUSE", 0.5)
    error = openai.APIConnectionError(request=None)
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30]):
        pauses = [_pause(error, attempt) for _ in range(50)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_the_deadline_ends_the_attempts_and_keeps_the_other_replies():
    def script(body, n):
        return UNAVAILABLE if body["messages"][-1]["content"] == "never" else echo(body)

    requests = [ask("a"), ask("never"), ask("b")]
    with (
        ScriptedServer(script) as server,
        pytest.raises(LanguageModelError, match=r"within 0\.3 seconds and \d+ attempts; .*try later") as caught,
    ):
        generate_all(at(server, deadline=0.3), requests)

    assert {index: reply.text for index, reply in caught.value.replies.items()} == {0: "a", 2: "b"}


def test_what_cannot_succeed_is_not_repeated():
    with (
        ScriptedServer(lambda body, n: (404, {}, {"error": {"message": "no model m"}})) as server,
        pytest.raises(LanguageModelError, match=r"refused a request: .*no model m"),
    ):
        generate_all(at(server, max_concurrency=1), [ask(), ask()])
    assert len(server.bodies) == 1


def test_a_server_that_is_killed_and_restarted_loses_nothing():
    requests = [ask(f"{i}") for i in range(30)]
    first = ScriptedServer(lambda body, n: after(0.02, echo(body)))
    model = at(first, max_concurrency=4)
    found = []
    for index, reply in model.generate(requests):
        found.append((index, reply.text))
        if len(found) == 10:
            first.close()
            threading.Timer(0.3, restart := Restart(first.port)).start()
    restart.server.close()

    assert sorted(found) == [(i, f"{i}") for i in range(30)]
    assert 0 < len(restart.server.answered) < 30


class Restart:
    """Starts a server at a port when called."""

    def __init__(self, port):
        self.port = port

    def __call__(self):
        self.server = ScriptedServer(echo, self.port)


def test_leaving_early_sends_nothing_more():
    with ScriptedServer(lambda body, n: after(0.02, echo(body))) as server:
        replies = at(server, max_concurrency=2).generate([ask(f"{i}") for i in range(50)])
        next(replies)
        replies.close()
        time.sleep(0.1)
        assert len(server.bodies) <= 4


def test_a_json_schema_goes_along_and_a_grammar_does_not():
    with ScriptedServer(echo) as server:
        model = at(server, max_concurrency=1)
        replies = generate_all(model, [ask(constraint=PERSON), ask(constraint=ROWS)])

    sent = server.bodies[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == PERSON.schema
    assert "response_format" not in server.bodies[1]
    assert [reply.constrained for reply in replies] == [True, False]
    assert model.supports == {JsonSchema}


@pytest.mark.parametrize(
    ("written", "finish_reason", "expected"),
    [
        ('{"reply":[{"a":1},{"a":2}]}', "stop", '[{"a":1},{"a":2}]'),
        (' {\n "reply": [{"a": 1}]\n}\n', "stop", '[{"a": 1}]'),
        ('{"reply":[{"a":1},{"a"', "length", '[{"a":1},{"a"'),
        ('[{"a":1}]', "stop", '[{"a":1}]'),
    ],
)
def test_a_schema_of_an_array_travels_within_an_object(written, finish_reason, expected):
    """Some servers take schemas of objects only."""
    rows = {"type": "array", "items": {"$ref": "#/$defs/row"}}
    row = {"row": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    with ScriptedServer(lambda body, n: (200, {}, completion(written, finish_reason=finish_reason))) as server:
        reply = generate_all(at(server), [ask(constraint=JsonSchema({**rows, "$defs": row}))])[0]

    sent = server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert (sent["type"], sent["properties"], sent["$defs"]) == ("object", {"reply": rows}, row)
    assert (reply.text, reply.constrained) == (expected, True)


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_refused_schema_is_left_out_from_then_on(status):
    def script(body, n):
        refusal = {"error": {"message": "response_format of type json_schema is not supported"}}
        return (status, {}, refusal) if "response_format" in body else echo(body)

    with ScriptedServer(script) as server:
        model = at(server, max_concurrency=1)
        replies = generate_all(model, [ask("a", constraint=PERSON), ask("b", constraint=PERSON)])

    forms = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert forms == ["json_schema", "json_object", None, None]
    assert [(reply.text, reply.constrained) for reply in replies] == [("a", False), ("b", False)]
    assert model.supports == frozenset()


def test_a_server_that_knows_the_older_form_alone_is_sent_that():
    def script(body, n):
        refusal = {"error": {"message": "response_format must be text or json_object"}}
        return echo(body) if body["response_format"]["type"] == "json_object" else (422, {}, refusal)

    with ScriptedServer(script) as server:
        replies = generate_all(
            at(server, max_concurrency=1), [ask("a", constraint=PERSON), ask("b", constraint=PERSON)]
        )

    assert [body["response_format"]["type"] for body in server.bodies] == ["json_schema", "json_object", "json_object"]
    assert server.bodies[1]["response_format"]["schema"] == PERSON.schema
    assert [(reply.text, reply.constrained) for reply in replies] == [("a", True), ("b", True)]


@pytest.mark.parametrize(
    ("holds", "expected", "limits"), [(100, 10, [80]), (50, 10, [80, 40]), (12, 15, [80, 40, 20, 15]), (50, None, [80])]
)
def test_a_refused_limit_is_lowered_to_what_is_expected(holds, expected, limits):
    def script(body, n):
        refusal = {"error": {"message": f"This model's maximum context length is {holds} tokens"}}
        return (400, {}, refusal) if body["max_tokens"] > holds else echo(body)

    asked = dataclasses.replace(ask("a", max_tokens=80), expected_tokens=expected)
    with ScriptedServer(script) as server:
        if limits[-1] <= holds:
            assert texts(generate_all(at(server), [asked])) == ["a"]
        else:
            with pytest.raises(LanguageModelError, match=r"refused a request: .*maximum context length"):
                generate_all(at(server), [asked])

    assert [body["max_tokens"] for body in server.bodies] == limits


def test_other_refusals_lower_no_limit():
    asked = dataclasses.replace(ask("a", max_tokens=80), expected_tokens=10)
    with (
        ScriptedServer(lambda body, n: (400, {}, {"error": {"message": "no such model"}})) as server,
        pytest.raises(LanguageModelError, match="no such model"),
    ):
        generate_all(at(server), [asked])

    assert len(server.bodies) == 1


def test_the_key_comes_from_the_environment_and_shows_nowhere(monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    with ScriptedServer(lambda body, n: (400, {}, {"error": {"message": f"{SECRET} is no good"}})) as server:
        model = at(server, api_key_variable="MY_KEY")
        with pytest.raises(LanguageModelError, match=r"\(the key\) is no good") as caught:
            generate_all(model, [ask()])

    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"
    for shown in (repr(model), str(caught.value), repr(caught.value), pickle.dumps(model), pickle.dumps(caught.value)):
        assert SECRET not in str(shown)


def test_the_end_of_a_line_is_no_part_of_the_key(monkeypatch):
    monkeypatch.setenv("MY_KEY", f"{SECRET}\n")
    with ScriptedServer(echo) as server:
        generate_all(at(server, api_key_variable="MY_KEY"), [ask()])

    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("key", [f"“{SECRET}”", f"{SECRET}\nX-Other: 1"])
def test_a_key_that_cannot_be_one_is_not_sent(monkeypatch, key):
    monkeypatch.setenv("MY_KEY", key)
    with (
        ScriptedServer(echo) as server,
        pytest.raises(LanguageModelError, match="variable MY_KEY holds characters that a key cannot have") as caught,
    ):
        generate_all(at(server, api_key_variable="MY_KEY"), [ask()])

    assert server.bodies == []
    assert SECRET not in str(caught.value)


def test_a_refused_key_names_its_variable(monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with (
        ScriptedServer(lambda body, n: (401, {}, {"error": {"message": "who are you"}})) as server,
        pytest.raises(LanguageModelError, match="environment variable MY_KEY"),
    ):
        generate_all(at(server, api_key_variable="MY_KEY"), [ask()])


def test_no_proxy_stands_before_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:3128")
    with ScriptedServer(echo) as server:
        assert texts(generate_all(at(server, deadline=5), [ask("a")])) == ["a"]


def test_redirects_do_not_lead_away_from_this_machine():
    with ScriptedServer(echo) as other:
        move = (307, {"Location": f"{other.url}/chat/completions"}, b"")
        with ScriptedServer(lambda body, n: move) as server, pytest.raises(LanguageModelError, match="refused"):
            generate_all(at(server), [ask()])

    assert other.bodies == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.5:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://localhost.example.org/v1", False),
        ("http://192.168.1.4:8000/v1", False),
        ("https://api.example.org/v1", False),
        ("http://0.0.0.0:8000/v1", False),
    ],
)
def test_only_loopback_addresses_are_this_machine(url, expected):
    assert ServerModel(url, "m").is_local is expected


def test_markers_in_messages_are_broken_up():
    with ScriptedServer(echo) as server:
        generate_all(at(server), [ask("a <|im_end|> b")])

    assert "<|im_end|>" not in server.bodies[0]["messages"][0]["content"]


def test_copies_share_the_connection_and_pickles_hold_none():
    model = ServerModel("http://localhost:1/v1", "m")

    assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model
    assert copy.deepcopy(model)._connection() is model._connection()
    assert model.name == "m at localhost:1"
    assert model.count_tokens("abcdef") == 2
    assert model.estimates_tokens
    assert model.context_length is None


def test_a_forked_process_has_a_connection_of_its_own(monkeypatch):
    model = ServerModel("http://localhost:1/v1", "m")
    before = model._connection()
    monkeypatch.setattr("os.getpid", lambda: -1)

    assert model._connection() is not before


def test_python_ends_although_a_server_does_not_answer():
    with ScriptedServer(lambda body, n: after(20, echo(body))) as server:
        code = (
            "import threading\n"
            "from skgensynth.llm import Message, Request, SamplingSettings, ServerModel\n"
            "request = Request((Message('user', 'a'),), SamplingSettings(5), 0)\n"
            f"replies = ServerModel({server.url!r}, 'm').generate([request])\n"
            "threading.Thread(target=next, args=(replies,), daemon=True).start()\n"
            "while not any(thread.name == 'skgensynth-llm' for thread in threading.enumerate()): pass\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        assert server.answered == []


def test_the_global_generator_is_left_alone():
    state = random.getstate()
    with ScriptedServer(lambda body, n: echo(body) if n else UNAVAILABLE) as server:
        generate_all(at(server), [ask()])

    assert random.getstate() == state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("localhost:8000", "m"), "base_url"),
        (("http://", "m"), "base_url"),
        (("http://user:password@localhost/v1", "m"), "no user, password, query"),
        (("http://localhost/v1?key=sk-1", "m"), "no user, password, query"),
        (("http://localhost/v1#m", "m"), "query or fragment"),
        (("http://localhost/v1", ""), "model is empty"),
        (("http://localhost/v1", "m", "KEY", 0), "max_concurrency=0"),
        (("http://localhost/v1", "m", "KEY", 1, 0), "deadline=0"),
    ],
)
def test_bad_descriptions_are_refused_without_showing_secrets(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        ServerModel(*arguments)
    assert "password@" not in str(caught.value)
    assert "sk-1" not in str(caught.value)


@pytest.fixture
def llama_server():
    """Starts llama.cpp's own server with the embedded model, as often as asked; stops it in the end."""
    for package in ("llama_cpp", "uvicorn", "sse_starlette", "starlette_context"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = []

    def start():
        command = [sys.executable, "-m", "llama_cpp.server", "--model", str(find_gguf("smollm2-135m"))]
        command += ["--port", str(port), "--n_ctx", "512", "--n_threads", "1", "--n_threads_batch", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                return process
            except OSError:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.1)
        raise AssertionError("the server did not answer")

    yield start, ServerModel(f"http://127.0.0.1:{port}/v1", "smollm2", max_concurrency=4, deadline=200)
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_real_server_answers_through_a_restart(llama_server):
    start, model = llama_server
    process = start()
    requests = [ask(f"Say the number {i}.", seed=i, max_tokens=8) for i in range(8)]
    people = JsonSchema({"type": "array", "items": PERSON.schema, "minItems": 1, "maxItems": 1})
    requests += [ask("Describe a patient.", seed=0, constraint=constraint) for constraint in (PERSON, people)]
    found = []
    for index, reply in model.generate(requests):
        found.append((index, reply))
        if len(found) == 3:
            process.kill()
            process.wait()
            start()

    assert sorted(index for index, _ in found) == list(range(10))
    for index, reply in found:
        assert reply.n_prompt_tokens > 5
        assert 1 <= reply.n_completion_tokens <= 40
        if index >= 8:
            assert reply.constrained
            person = json.loads(reply.text)
            assert re.fullmatch(r"male|female", (person if index == 8 else person[0])["sex"])
