"""Reads typed values of a stack's configuration, and gathers what is wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from datetime import datetime

import pulumi
from pulumi.runtime import config as runtime_config

from components import limits
from components.cron import is_cron

KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
IDENTITY = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)", re.ASCII)
CERTIFICATE_ARN = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+", re.ASCII)
WEB_ACL_ARN = re.compile(r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/[\w-]+/[\w-]+", re.ASCII)
POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy/[\w+=,.@/-]+", re.ASCII)
TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", re.ASCII)
ALARM = re.compile(r"[a-z0-9-]+")
ALARM_THRESHOLD = re.compile(r"[a-z0-9-]+=\d{1,12}(?:\.\d{1,6})?", re.ASCII)
BACKUP_VAULT_ARN = re.compile(r"arn:aws[a-z-]*:backup:[a-z0-9-]+:\d{12}:backup-vault:[A-Za-z0-9_-]{2,50}", re.ASCII)
BACKUP_VAULT = re.compile(r"[A-Za-z0-9_-]{2,50}", re.ASCII)
SUBNET, SECURITY_GROUP, VPC, ROUTE_TABLE = (
    re.compile(rf"{kind}-[0-9a-f]{{8,17}}") for kind in ("subnet", "sg", "vpc", "rtb")
)
ROLE_PATH = re.compile(r"/|(?=.{3,512}\Z)/(?:[\w+=,.@-]+/)+", re.ASCII)
TAG_VALUE = re.compile(r"[\w .:/=+@-]{1,256}")
CODE_SIGNING_CONFIG_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:code-signing-config:csc-[a-z0-9]{17}", re.ASCII
)
FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
S3_FOLDER = re.compile(rf"s3://{BUCKET.pattern}/(?:[\w.=-]+/)*", re.ASCII)
ORIGIN = re.compile(rf"https://{HOST.pattern}(?::\d{{1,5}})?|http://localhost(?::\d{{1,5}})?", re.ASCII)
HTTPS_URL = re.compile(r"https://[^\s?#]+")
SIGN_IN_PREFIX = re.compile(r"(?!.*(?:aws|amazon|cognito))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
WORD = re.compile(r"\S+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Reader:
    """Reads typed values, remembering what is wrong instead of stopping at the first of it."""

    def __init__(self, config: pulumi.Config) -> None:
        self._config = config
        self._bad: set[str] = set()
        self._read: set[str] = set()
        self.errors: list[str] = []

    def integer(self, key: str, low: int, high: int) -> int:
        return self._integer(key, range(low, high + 1), f"an integer from {low} to {high}")

    def nothing_or(self, key: str, low: int, high: int) -> int:
        """0, or an integer in these bounds."""
        return self._integer(key, (0, *range(low, high + 1)), f"0, or an integer from {low} to {high}")

    def integer_of(self, key: str, allowed: Collection[int]) -> int:
        return self._integer(key, allowed, f"one of {', '.join(map(str, allowed))}")

    def concurrency(self, key: str) -> int:
        return self._integer(key, (limits.UNRESERVED, *range(1, 10_001)), "-1 (unreserved) or from 1 to 10000")

    def boolean(self, key: str) -> bool:
        return self.choice(key, ("true", "false")) == "true"

    def choice(self, key: str, allowed: Collection[str]) -> str:
        text = self._text(key)
        if text is not None and text not in allowed:
            self._reject(key, text, f"one of {', '.join(allowed)}")
        return text or ""

    def optional_choice(self, key: str, allowed: Collection[str]) -> str:
        text = self._text(key)
        if text and text not in allowed:
            self._reject(key, text, f"empty or one of {', '.join(allowed)}")
        return text or ""

    def matching(self, key: str, pattern: re.Pattern[str], description: str) -> str:
        """A text that may be empty, and else is of the pattern, which `description` says in words."""
        text = self._text(key)
        if text and not pattern.fullmatch(text):
            self._reject(key, text, f"empty or {description}")
            return ""
        return text or ""

    def cron(self, key: str, description: str) -> str:
        """A text that may be empty, and else is a cron expression that AWS takes."""
        text = self._text(key)
        if text and not is_cron(text):
            self._reject(key, text, f"empty or {description}")
            return ""
        return text or ""

    def moment(self, key: str) -> str:
        """A text that may be empty, and else is a time as IAM's conditions read it."""
        text = self.matching(key, MOMENT, "a time in UTC such as 2024-01-15T10:00:00Z")
        try:
            datetime.fromisoformat(text or "2000-01-01T00:00:00Z")
        except ValueError:
            self._reject(key, text, "a time that there is")
            return ""
        return text

    def origins(self, key: str) -> tuple[str, ...]:
        description = "a list of origins, https://<host>; http for localhost alone"
        return self._texts(key, lambda text: ORIGIN.fullmatch(text) is not None, description)

    def key_arn(self, key: str) -> str | None:
        text = self._text(key)
        if text and not KEY_ARN.fullmatch(text):
            self._reject(key, text, "empty or the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>")
        return text or None

    def key_arns(self, key: str) -> tuple[str, ...]:
        description = "a list of ARNs of KMS keys, arn:aws:kms:<region>:<account>:key/<id>"
        return self._texts(key, lambda text: KEY_ARN.fullmatch(text) is not None, description)

    def regions(self, key: str) -> tuple[str, ...]:
        description = 'a list of two Regions, such as ["us-east-1", "eu-west-1"], the first being the stack\'s own'
        found = self._texts(key, lambda text: REGION.fullmatch(text) is not None, description)
        if len(found) not in (0, limits.REGIONS):
            self._reject(key, json.dumps(list(found)), f"[] or {description}")
            return ()
        return found

    def emails(self, key: str) -> tuple[str, ...]:
        return self._texts(key, lambda text: EMAIL.fullmatch(text) is not None, "a list of e-mail addresses")

    def all_matching(self, key: str, pattern: re.Pattern[str], description: str) -> tuple[str, ...]:
        """A list of texts of the pattern, which `description` says in words."""
        return self._texts(key, lambda text: pattern.fullmatch(text) is not None, description)

    def identities(self, key: str) -> tuple[str, ...]:
        description = "a list of ARNs of IAM roles, users or the root user, arn:aws:iam::<account>:role/<name>"
        return self._texts(key, lambda text: IDENTITY.fullmatch(text) is not None, description)

    def choices(self, key: str, allowed: Collection[str]) -> tuple[str, ...]:
        return self._texts(key, lambda text: text in allowed, f"a list of {', '.join(allowed)}")

    def refuse_what_was_not_read(self) -> None:
        """A key that nobody reads is a setting that somebody believes in: misspelled, or left behind by a rename."""
        own = self._config.name
        for full_key in sorted({*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}):
            namespace, _, key = full_key.partition(":")
            if namespace == own and key not in self._read:
                self.errors.append(f"  {full_key} is no setting: Pulumi.yaml lists them")
            elif namespace != own and key in self._read:
                self.errors.append(f"  {full_key} is not read: the project is {own}, so write {own}:{key}")

    def expect(self, holds: bool, key: str, value: object, allowed: str, *leans_on: str) -> None:
        if not holds and self._bad.isdisjoint({key, *leans_on}):
            self._reject(key, str(value), allowed)

    def _texts(self, key: str, fits: Callable[[str], bool], description: str) -> tuple[str, ...]:
        text = self._text(key)
        if text is None:
            return ()
        try:
            items = json.loads(text)
        except json.JSONDecodeError:
            items = None
        if not isinstance(items, list) or not all(isinstance(item, str) and fits(item) for item in items):
            self._reject(key, text, description)
            return ()
        if len(set(items)) < len(items):
            self._reject(key, text, "a list without repetition")
        return tuple(items)

    def _integer(self, key: str, allowed: Collection[int], description: str) -> int:
        text = self._text(key)
        if text is None:
            return 0
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII) or int(text) not in allowed:
            self._reject(key, text, description)
            return 0
        return int(text)

    def _text(self, key: str) -> str | None:
        self._read.add(key)
        text = self._config.get(key)
        if text is None:
            self._bad.add(key)
            self.errors.append(f"  {self._config.full_key(key)} is missing: Pulumi.yaml gives it a default")
        return text

    def _reject(self, key: str, value: str, allowed: str) -> None:
        self._bad.add(key)
        self.errors.append(f"  {self._config.full_key(key)} is {value!r}; allowed: {allowed}")
