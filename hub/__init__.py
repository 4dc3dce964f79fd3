"""whiskhub: an OpenWhisk-compatible event runtime and the marketplace of packages that fills it."""

import sys

# httpx looks for a command line of its own, and with it loads rich and pygments for nobody: a tenth of a second of every start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
