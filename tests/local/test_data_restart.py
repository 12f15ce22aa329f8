"""What an engine with a data folder finds of the one before it: one restart, for all that need no more than that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.engine import Engine
from tests.local.test_data import BY_KIND, KEYS, STREAM, _dynamodb_local, identities, index, make_table, put

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["_dynamodb_local"]

Remembered = dict[str, Any]
"""What was noted before a restart, by the name of the function that did."""

BOTH_KINDS = [*KEYS["AttributeDefinitions"], BY_KIND]
RANGED = [*KEYS["KeySchema"], {"AttributeName": "Kind", "KeyType": "RANGE"}]


def _a_table_with_a_stream(engine: Engine) -> Any:
    made = make_table(engine, "again", **STREAM)
    put(engine, "a", "b", table="again")
    return made


def _a_table_of_before(engine: Engine) -> Any:
    indexes = [index("old"), index("same")]
    made = make_table(engine, "updated", AttributeDefinitions=BOTH_KINDS, GlobalSecondaryIndexes=indexes, **STREAM)
    put(engine, "a", table="updated", Kind={"S": "k"})
    return made


def _a_table_without_indexes(engine: Engine) -> Any:
    put(engine, "a", table=make_table(engine, "indexed")["TableName"], Kind={"S": "k"}, Other={"S": "o"})


def _tables_of_two_sorts(engine: Engine) -> Any:
    make_table(engine, "plain")
    make_table(engine, "ranged", KeySchema=RANGED, AttributeDefinitions=BOTH_KINDS)


def _api(engine: Engine, name: str) -> tuple[str, str]:
    made = engine.client("apigatewayv2").create_api(Name=name, ProtocolType="HTTP")
    return made["ApiId"], made["ApiEndpoint"]


def _pages(engine: Engine) -> tuple[str, str]:
    cognito = engine.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    return pool, cognito.create_user_pool_domain(Domain="people", UserPoolId=pool)["CloudFrontDomain"]


def _addresses(engine: Engine) -> Any:
    return _api(engine, "people"), _api(engine, "machines"), _pages(engine)


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Remembered]]:
    """The second engine on a port and a data folder, for all that need no more of the first than that it was there."""
    data = tmp_path_factory.mktemp("restarted") / "data"
    port = 20_000 + os.getpid() % 1_000 * 10  # below those that the system gives to others
    before = (_a_table_with_a_stream, _a_table_of_before, _a_table_without_indexes, _tables_of_two_sorts, _addresses)
    with Engine(port, data=data) as first:
        remembered = {prepare.__name__: prepare(first) for prepare in before}
    with Engine(port, data=data) as second:
        assert second.client("dynamodb").list_tables()["TableNames"] == []
        yield second, remembered


def test_a_table_that_is_made_again_has_its_items_and_its_stream(restarted: tuple[Engine, Remembered]) -> None:
    second, remembered = restarted
    again = make_table(second, "again", **STREAM)
    assert again["LatestStreamArn"] == remembered["_a_table_with_a_stream"]["LatestStreamArn"]
    assert again["ItemCount"] == 2
    assert identities(second, "again") == ["a", "b"]
    second.client("dynamodb").delete_table(TableName="again")
    make_table(second, "again")
    assert identities(second, "again") == []


def test_a_table_is_brought_up_to_date(restarted: tuple[Engine, Remembered]) -> None:
    second, remembered = restarted
    other_view: dict[str, Any] = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    indexes = [index("same"), index("new")]
    again = make_table(second, "updated", AttributeDefinitions=BOTH_KINDS, GlobalSecondaryIndexes=indexes, **other_view)
    assert again["LatestStreamArn"] != remembered["_a_table_of_before"]["LatestStreamArn"]
    assert identities(second, "updated", IndexName="new") == identities(second, "updated", IndexName="same") == ["a"]
    with pytest.raises(ClientError, match="index"):
        identities(second, "updated", IndexName="old")


def test_a_table_gets_several_indexes_one_at_a_time(restarted: tuple[Engine, Remembered]) -> None:
    """Each with a key of its own: of the other's attribute nothing may be said yet."""
    second, _ = restarted
    definitions = [*BOTH_KINDS, {"AttributeName": "Other", "AttributeType": "S"}]
    indexes = [index("by-kind"), index("by-other", "Other")]
    make_table(second, "indexed", AttributeDefinitions=definitions, GlobalSecondaryIndexes=indexes)
    assert identities(second, "indexed", IndexName="by-kind") == ["a"]
    assert identities(second, "indexed", IndexName="by-other") == ["a"]


def test_keys_and_local_indexes_of_a_table_with_items_cannot_change(restarted: tuple[Engine, Remembered]) -> None:
    second, _ = restarted
    definitions = [*BOTH_KINDS, {"AttributeName": "Other", "AttributeType": "S"}]
    by_other = {**index("local"), "KeySchema": [RANGED[0], {"AttributeName": "Other", "KeyType": "RANGE"}]}
    with pytest.raises(ClientError, match="The table plain of the data folder has items, and the keys of such a"):
        make_table(second, "plain", KeySchema=RANGED, AttributeDefinitions=BOTH_KINDS)
    with pytest.raises(ClientError, match="and the local indexes of such a table cannot change"):
        make_table(
            second, "ranged", KeySchema=RANGED, AttributeDefinitions=definitions, LocalSecondaryIndexes=[by_other]
        )
    assert not {"plain", "ranged"} & set(second.client("dynamodb").list_tables()["TableNames"])
    make_table(second, "plain")


def test_what_people_wrote_down_is_at_the_same_address(restarted: tuple[Engine, Remembered]) -> None:
    """APIs and pools that are made again, in another order and beside a new one."""
    second, remembered = restarted
    before = remembered["_addresses"]
    again = _pages(second)
    new = _api(second, "new")
    after = _api(second, "people"), _api(second, "machines"), again
    assert after == before
    assert new[1] not in {address for _, address in before}
