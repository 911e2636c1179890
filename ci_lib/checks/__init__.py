"""What must hold before anything moves: flat, numbered lists, each check with its own sentence.

No earlier stage's green tick is trusted. `check_chain` reads the records against each other and judges the evidence
again, `check_approval` reads one approval against the chain, and `standing` says whether those approvals are enough.
All are pure; a check that does not hold raises Refused. The numbers run on from file to file: 1 to 17 are in `chain`,
the rest in `approval`, `waivers`, `since` and `promotion`.
"""

from ci_lib.checks.approval import check_approval
from ci_lib.checks.chain import Decide, check_chain, check_champion
from ci_lib.checks.promotion import check_promotion
from ci_lib.checks.since import check_since
from ci_lib.checks.standing import Standing, standing
from ci_lib.checks.waivers import check_waivers

__all__ = [
    "Decide",
    "Standing",
    "check_approval",
    "check_chain",
    "check_champion",
    "check_promotion",
    "check_since",
    "check_waivers",
    "standing",
]
