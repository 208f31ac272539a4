"""What people and models read of the policy's versions, word for word.

`python -m tests.policy.golden` writes the files anew; read every changed line before you keep it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh-hans")
