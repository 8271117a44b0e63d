"""What may be said of a store's error: neither keys nor signatures, whoever wrote the message."""

import os
import re
from collections.abc import Mapping

_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|SAS|CREDENTIAL|CONNECTION_STRING", re.I)
_QUERY = re.compile(r"(://[^\s?'\"<>]+)\?[^\s'\"<>]*")
_USER = re.compile(r"://[^\s/@:]*:[^\s/@]*@")
_SHORTEST = 6  # characters: less is a word such as "true"
HIDDEN = "***"


def redacted(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text without queries of URLs, `user:password@` and secrets of the environment.

    >>> redacted("no answer from https://h/b/k?X-Amz-Signature=ab12", {})
    'no answer from https://h/b/k'
    """
    text = _USER.sub("://", _QUERY.sub(r"\1", text))
    secrets = {value for name, value in environment.items() if _SECRET_NAMES.search(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text
