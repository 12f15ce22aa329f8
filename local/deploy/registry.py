"""What a creator of resources is: a type token, the inputs it understands, and a function that creates one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi import Archive, Asset

from local.deploy.errors import DeployError
from local.deploy.names import Names
from local.deploy.naming import physical_name

Inputs = dict[str, Any]
# The property names that a resource or a nested block understands; an empty mapping below a name means any value.
Fields = Mapping[str, "Fields"]


def fields(*names: str, **blocks: Fields) -> Fields:
    """Fields with plain values (`names`) and with nested blocks, or lists of them (`blocks`)."""
    return {**{name: {} for name in names}, **blocks}


@dataclass(frozen=True)
class NewResource:
    """One resource to create: the program's inputs under the provider's names, and what creating it takes."""

    urn: str
    type: str
    name: str
    inputs: Inputs
    region: str
    account_id: str
    default_tags: Mapping[str, str]
    client_in: Callable[[str, str], Any]
    names: Names | None = None

    def client(self, service: str) -> Any:
        """The boto3 client for `service` in this resource's Region."""
        return self.client_in(service, self.region)

    def physical_name(self, limit: int, prop: str = "name") -> str:
        """The name to create the resource under; see `naming`."""
        return physical_name(self.urn, self.inputs, limit, prop, self.names)

    def pick(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Those inputs that are given, renamed from the provider's to the API's names."""
        return {api: self.inputs[name] for name, api in names.items() if name in self.inputs}

    @property
    def tags(self) -> dict[str, str]:
        """The resource's own tags over the provider's default ones."""
        return {**self.default_tags, **self.inputs.get("tags", {})}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """`tags` in the shape that most APIs take."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


@dataclass(frozen=True)
class Created:
    """What was created: its id, its outputs beyond its inputs, and how to delete it again."""

    id: str
    outputs: Mapping[str, Any]
    delete: Callable[[], object]
    unprotect: Callable[[], object] | None = field(default=None)  # lifts AWS's own deletion protection


Creator = Callable[[NewResource], Created]


@dataclass(frozen=True)
class ResourceType:
    """A type token with its creator."""

    token: str
    fields: Fields
    create: Creator

    def check(self, inputs: Inputs) -> None:
        """Raise if `inputs` holds a property that the creator would ignore."""
        unknown = sorted(_unknown(inputs, self.fields))
        if unknown:
            raise DeployError(f"the embedded AWS cannot honour the input {', '.join(unknown)} of {self.token}")


class Registry(dict[str, ResourceType]):
    """The resource types of one service by token."""

    def creates(self, token: str, understood: Fields) -> Callable[[Creator], Creator]:
        """Register the decorated function as the creator of `token`."""

        def register(create: Creator) -> Creator:
            self[token] = ResourceType(token, {"region": {}, **understood}, create)
            return create

        return register


def _unknown(value: Inputs, known: Fields, path: str = "") -> Iterable[str]:
    for name, inner in value.items():
        where = f"{path}{name}"
        if name not in known:
            yield where
        elif known[name] and isinstance(inner, dict):
            yield from _unknown(inner, known[name], f"{where}.")
        elif known[name] and isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _unknown(item, known[name], f"{where}[{index}].")


def plain(value: Any, path: str) -> Any:
    """`value` as it came over Pulumi's wire in the types that boto3 takes: no nulls, whole numbers as int."""
    if isinstance(value, dict):
        return {key: plain(inner, f"{path}.{key}") for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | bool | int | float | Asset | Archive):
        return value
    raise DeployError(f"{path}: a {type(value).__name__} is not a value that a resource can take")
