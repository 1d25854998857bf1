"""Hides what looks like a secret in text and values that are kept as provenance.

Source is kept for people to read. Whoever writes a password into a cell did not mean to put it into
every version that is trained there. This finds the usual forms of it and no more: a secret belongs
into an environment variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["HIDDEN", "is_secret_name", "without_secrets"]

HIDDEN = "***"
"""What stands where a secret was."""

_NAME = (
    r"[A-Za-z0-9_]*(?:password|passwd|passphrase|secret|token|credentials?"
    r"|(?:api|access|private|secret|auth)_?key)"
)
_IS_NAME = re.compile(_NAME, re.IGNORECASE)

# name = "…", name: str = "…", name="…" as an argument, "name": "…", environ["name"] = "…"
_ASSIGNED = re.compile(
    rf"(?P<before>(?<![A-Za-z0-9_]){_NAME}[\"']?\s*\]?\s*(?::\s*[\w.\[\]| ]+?\s*=|=|:|,)\s*\(?\s*"
    r"[rbuRBU]{0,2}(?P<quote>\"\"\"|'''|\"|'))(?![<\[])(?P<value>(?:(?!(?P=quote)).){4,}?)(?P=quote)",
    re.IGNORECASE | re.DOTALL,
)
_SHELL = re.compile(
    rf"(?P<before>(?:%(?:set_)?env|\bexport|\bset)\s+{_NAME}(?:\s*=\s*|\s+))(?P<value>\S+)",
    re.IGNORECASE,
)
_FORMS = re.compile(
    r"(?P<before>\b(?:Bearer|Basic|token)\s+)(?P<value>[A-Za-z0-9_\-.=+/]{12,})"
    r"|(?P<before2>://[^\s/:@\"']+:)[^\s/@\"']+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk-|gh[opsu]_|github_pat_|glpat-|xox[abprs]-|hf_|AKIA|eyJ)[A-Za-z0-9_\-.]{16,}",
    re.DOTALL,
)


def is_secret_name(name: str) -> bool:
    """Whether what bears this name is likely a secret."""
    return _IS_NAME.fullmatch(name) is not None


def without_secrets(value: Any) -> Any:
    """The text, or JSON values, with ``***`` for what is likely a secret.

    That is: what is assigned to or stands under a name such as ``password`` or ``api_token``; the
    forms of well-known tokens and keys, and of passwords in addresses; and, wherever they stand,
    values of environment variables with such names.
    """
    if isinstance(value, str):
        return _hidden(value)
    if isinstance(value, Mapping):
        return {
            name: HIDDEN
            if isinstance(one, str) and is_secret_name(str(name).rpartition(".")[2])
            else without_secrets(one)
            for name, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(one) for one in value]
    return value


def _hidden(text: str) -> str:
    for name, known in os.environ.items():
        if len(known) >= 8 and is_secret_name(name):
            text = text.replace(known, HIDDEN)
    text = _ASSIGNED.sub(lambda found: f"{found['before']}{HIDDEN}{found['quote']}", text)
    text = _SHELL.sub(lambda found: found["before"] + HIDDEN, text)
    return _FORMS.sub(lambda found: (found["before"] or found["before2"] or "") + HIDDEN, text)
