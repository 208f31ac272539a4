"""`python -m safehold.screening.simulator`."""

import sys

from safehold.screening.simulator import main

sys.exit(main())
