"""`python -m safehold.cybertip.simulator`."""

import sys

from safehold.cybertip.simulator import main

sys.exit(main())
