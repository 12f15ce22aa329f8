"""A transaction that is sent again under its token, because an answer was lost, is carried out once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine.api import ApiError, ApiRequest, Response
from local.engine.idempotency import SECONDS, Tokens
from local.engine.transactions import Transactions
from tests.local.in_process import aws, refusal

KEY = {"Id": {"S": "a"}}
TOKEN = {"ClientRequestToken": "token-1"}


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with aws(Transactions) as client:
        made = client("dynamodb")
        made.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


def add(dynamodb: Any, amount: int = 1, **more: Any) -> Any:
    values = {":amount": {"N": str(amount)}}
    change = {"UpdateExpression": "ADD Amount :amount", "ExpressionAttributeValues": values}
    items = [{"Update": {"TableName": "table", "Key": KEY, **change, **more}}]
    return dynamodb.transact_write_items(TransactItems=items, **TOKEN)


def total(dynamodb: Any) -> str:
    return str(dynamodb.get_item(TableName="table", Key=KEY).get("Item", {}).get("Amount", {}).get("N"))


def test_a_transaction_is_carried_out_once_under_its_token(dynamodb: Any) -> None:
    for _ in range(2):
        assert add(dynamodb)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert total(dynamodb) == "1"


def test_a_token_stands_for_one_transaction(dynamodb: Any) -> None:
    add(dynamodb)
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        add(dynamodb, 2)
    assert total(dynamodb) == "1"


def test_a_transaction_that_failed_is_tried_again_under_its_token(dynamodb: Any) -> None:
    condition = {"ConditionExpression": "attribute_exists(Id)"}
    values = {":amount": {"N": "1"}}
    change = {"UpdateExpression": "ADD Amount :amount", "ExpressionAttributeValues": values, **condition}
    items = [{"Update": {"TableName": "table", "Key": KEY, **change}}]
    assert refusal(dynamodb.transact_write_items, TransactItems=items, **TOKEN)[0] == "TransactionCanceledException"
    dynamodb.put_item(TableName="table", Item=KEY)
    dynamodb.transact_write_items(TransactItems=items, **TOKEN)
    assert total(dynamodb) == "1"


def test_a_token_is_forgotten_after_ten_minutes() -> None:
    times, written = iter([0.0, 0.0, SECONDS - 1, SECONDS, SECONDS]), itertools.count(1)
    tokens = Tokens(lambda: next(times))
    request = ApiRequest("dynamodb", "TransactWriteItems", "us-east-1", {}, b'{"ClientRequestToken": "t"}')

    def write() -> Response:
        return Response.of_json({"written": next(written)})

    assert [tokens.once(request, write).json()["written"] for _ in range(3)] == [1, 1, 2]


def test_a_mismatch_is_told_whatever_the_order_of_members() -> None:
    tokens = Tokens()
    bodies = (b'{"ClientRequestToken": "t", "a": 1, "b": 2}', b'{"b": 2, "a": 1, "ClientRequestToken": "t"}')
    requests = [ApiRequest("dynamodb", "TransactWriteItems", "us-east-1", {}, body) for body in bodies]
    assert [tokens.once(request, lambda: Response(200)).status for request in requests] == [200, 200]
    other = ApiRequest("dynamodb", "TransactWriteItems", "us-east-1", {}, b'{"ClientRequestToken": "t", "a": 2}')
    with pytest.raises(ApiError, match="IdempotentParameterMismatchException"):
        tokens.once(other, lambda: Response(200))
