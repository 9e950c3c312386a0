"""The live gateway of the command line's tests, from the conftest of that folder."""

import importlib.util
from pathlib import Path

_PATH = Path(__file__).parents[1] / "cli" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("cli_fixtures", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

fakes, key_file, live = _MODULE.fakes, _MODULE.key_file, _MODULE.live
