"""`python -m node.cli`, for whoever has the code and not the command."""

import sys

from node.cli.main import main

sys.exit(main())
