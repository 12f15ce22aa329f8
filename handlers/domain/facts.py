"""The facts of this domain: the mechanics over what is generated from its schemas. The same for any domain."""

from handlers.sourcing.facts import Fact, Facts
from handlers.sourcing.rejection import EVENT_TYPE as REJECTION

from .generated.classes import CLASSES
from .generated.tables import ASKED, DERIVED, INTERNAL, INTERNAL_FIELDS, SCHEMAS, STREAMS
from .texts import TEXTS
from .upcasters import UPCASTERS

FACTS = Facts(
    schemas=SCHEMAS,
    classes=CLASSES,
    streams=STREAMS,
    derived=DERIVED,
    asked=ASKED,
    kinds=TEXTS,
    upcasters=UPCASTERS,
    internal=INTERNAL,
    internal_fields=INTERNAL_FIELDS,
)
EVENT_TYPES = tuple(STREAMS)
NEWEST, IDENTIFIERS = FACTS.newest, FACTS.identifiers
REJECTION_VERSION = NEWEST[REJECTION]

fact_of, fact, violations = FACTS.of, FACTS.fact, FACTS.violations
asked, misspelt, extra = FACTS.asked, FACTS.misspelt, FACTS.extra_fields
defaults, scales = FACTS.defaults, FACTS.scales

__all__ = [
    "EVENT_TYPES",
    "FACTS",
    "IDENTIFIERS",
    "NEWEST",
    "REJECTION_VERSION",
    "Fact",
    "asked",
    "defaults",
    "extra",
    "fact",
    "fact_of",
    "misspelt",
    "scales",
    "violations",
]
