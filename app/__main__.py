"""`python -m app` is the console command."""

import sys

from app.cli import main

sys.exit(main())
