"""What moto is spared comes to what moto would have worked out."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from moto.core import utils

from local.engine import backends, shortcuts
from local.engine.backends import (
    BackendDict,
    ConditionExpressionParser,
    iam_backends,
    iam_models,
    mock_random,
    sqs_models,
)
from local.engine.moto_handlers import Moto
from tests.local.calls import call

QUEUE = {"QueueUrl": "http://127.0.0.1:4566/123456789012/q"}


@pytest.fixture(autouse=True)
def _installed() -> None:
    shortcuts.install()
    backends.reset()


@pytest.mark.parametrize("name", ["VisibilityTimeout", "KmsMasterKeyId", "QueueArn", "SNSTopic", "a", "", "With Space"])
def test_names_are_spelled_as_moto_spells_them(name: str) -> None:
    assert [shortcuts.in_python(name) for _ in range(2)] == [utils.camelcase_to_underscores(name)] * 2


def test_names_that_callers_make_up_are_not_all_kept() -> None:
    for number in range(5000):
        shortcuts.in_python(f"Name{number}")
    assert shortcuts.in_python.cache_info().currsize < 5000


def test_the_attributes_of_a_queue_are_spelled_once() -> None:
    moto = Moto()
    moto.answer(call("sqs", "CreateQueue", {"QueueName": "q"}))
    ask = call("sqs", "GetQueueAttributes", {**QUEUE, "AttributeNames": ["All"]})
    first, known = moto.answer(ask).json(), shortcuts.in_python.cache_info()
    assert moto.answer(ask).json() == first
    found = shortcuts.in_python.cache_info()
    assert found.misses == known.misses
    assert found.hits - known.hits > len(first["Attributes"])


def test_identifiers_have_as_many_letters_of_the_same_kinds() -> None:
    assert re.fullmatch("[a-z]{185}", sqs_models.generate_receipt_handle())
    made = "".join(mock_random.get_random_string(length=52) for _ in range(50))
    assert re.fullmatch("[A-Za-z0-9]{2600}", made)
    assert len(set(made)) == 62
    assert re.fullmatch("[A-Za-z]{500}", mock_random.get_random_string(500, include_digits=False))
    assert re.fullmatch("[a-z0-9]{500}", mock_random.get_random_string(500, lower_case=True))
    assert len({sqs_models.generate_receipt_handle() for _ in range(100)}) == 100


def test_what_a_reset_forgot_is_made_and_found_by_the_next_reset() -> None:
    moto = Moto()
    for _ in range(2):
        assert _queues(moto) == []
        moto.answer(call("sqs", "CreateQueue", {"QueueName": "q"}))
        assert len(_queues(moto)) == 1
        assert any(each.service_name == "sqs" for each in BackendDict._instances)
        backends.reset()


def _queues(moto: Moto) -> Any:
    return moto.answer(call("sqs", "ListQueues", {})).json().get("QueueUrls", [])


@pytest.mark.parametrize(
    "condition",
    ["attribute_not_exists(A)", "a.b[0] <> :b AND (#c BETWEEN :d AND :e)", "size (a) >= :b", "NOT a IN (:b,:c)"],
)
def test_the_words_of_a_condition_are_those_that_moto_finds(condition: str) -> None:
    made = [ConditionExpressionParser(condition, {}, {})._lex_condition_expression() for _ in range(2)]
    made[0].popleft()  # as moto does with them
    assert list(made[1]) == list(shortcuts._read_words(ConditionExpressionParser(condition, {}, {})))


def test_a_condition_that_is_none_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="Cannot parse condition"):
            ConditionExpressionParser("a ! b", {}, {})._lex_condition_expression()


def test_a_message_is_retained_for_as_long_as_its_queue_says() -> None:
    Moto().answer(call("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"MessageRetentionPeriod": "60"}}))
    backend = backends.queues("us-east-1")
    of = [SimpleNamespace(sent_timestamp=(time.time() - age) * 1000) for age in (0, 55, 65)]
    assert [backend.is_message_valid_based_on_retention_period("q", each) for each in of] == [True, True, False]
    with pytest.raises(Exception, match="does not exist"):
        backend.is_message_valid_based_on_retention_period("none", of[0])


def test_a_key_is_of_the_account_that_moto_finds_it_in() -> None:
    assert iam_models.get_account_id_from("ASIANOBODYKNOWS") == "123456789012"
    other = iam_backends["210987654321"]["aws"]
    other.create_user("us-east-1", "somebody")
    key = other.create_access_key("somebody").access_key_id
    assert iam_models.get_account_id_from(key) == "210987654321"
    assert iam_models.get_account_id_from("ASIANOBODYKNOWS") == "123456789012"
