from ..faults.conftest import _environment, _quiet

__all__ = ["_environment", "_quiet"]
