"""What looks like a secret is hidden in what is kept for people to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.versioning.secrets import HIDDEN, is_secret_name, without_secrets

SECRET = "q7Lw-2vX_9"


@pytest.mark.parametrize(
    "text",
    [
        "token = '{}'",
        'API_KEY="{}"',
        "db_password: str = '{}'",
        'connect(user="ann", password = r"{}")',
        "settings = {{'client_secret': \"{}\"}}",
        "os.environ['HF_TOKEN'] = '{}'",
        "os.environ.setdefault('HF_TOKEN', '{}')",
        "self.auth_key = (\n    '{}'\n)",
        "password = '''{}'''",
        "%env API_TOKEN={}",
        "%set_env API_TOKEN {}",
        "!export DB_PASSWORD={} && run",
        "url = 'postgres://ann:{}@host/db'",
        "headers = {{'Authorization': 'Bearer {}abc'}}",
        "x = 'ghp_{}ABCDEFabcdef0123'",
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_usual_forms_are_hidden_and_the_rest_stays(text: str) -> None:
    hidden = without_secrets(f"before()\n{text.format(SECRET)}\nafter()")
    assert SECRET not in hidden
    assert HIDDEN in hidden
    assert hidden.startswith("before()\n")
    assert hidden.endswith("\nafter()")


@pytest.mark.parametrize(
    "text",
    [
        "tokenizer = Tokenizer('words')",
        "CountVectorizer(token_pattern='[a-z]+', max_tokens=12)",
        "pad_token = '[PAD]'",
        "end_token = '<|endoftext|>'",
        "password = getpass()",
        "key = 'column'",
        "token = os.environ['TOKEN']",
        "url = 'http://host:8888/lab'",
        "for token in text.split(' '):\n    count('token')",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_values_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", SECRET)
    monkeypatch.setenv("LOGNAME", "somebody")
    assert without_secrets(f"call('{SECRET}', 'somebody')") == "call('***', 'somebody')"


def test_parameters_by_name() -> None:
    given = {"api_key": SECRET, "input_params.token": SECRET, "alpha": 1, "more": [{"secret": "x"}]}
    assert without_secrets(given) == {
        "api_key": HIDDEN,
        "input_params.token": HIDDEN,
        "alpha": 1,
        "more": [{"secret": HIDDEN}],
    }
    assert not is_secret_name("tokens")


@given(st.text())
def test_any_text_is_taken_and_done_twice_is_done_once(text: str) -> None:
    once = without_secrets(text)
    assert without_secrets(once) == once
