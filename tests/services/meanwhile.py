"""Something that waits for a row which the test holds."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from gateway.core.database import Database
from tests.conftest import wait_until

WAITING = """
    SELECT count(*) FROM pg_locks
     WHERE NOT granted AND pid <> pg_backend_pid() AND locktype IN ('transactionid', 'tuple')
"""


class Meanwhile:
    """`act`, beside the test. What it returned, or the exception that it ended by, is the outcome."""

    def __init__(self, database: Database, act: Callable[[], Any]) -> None:
        self.database = database
        self.outcome: Any = None
        self._act = act
        self._thread = threading.Thread(target=self._run)

    def waits(self) -> None:
        self._thread.start()
        with self.database.engine.connect() as looking:
            wait_until(lambda: looking.execute(text(WAITING)).scalar_one() > 0, 20)

    def ends(self) -> Any:
        self._thread.join(20)
        return self.outcome

    def _run(self) -> None:
        try:
            self.outcome = self._act()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.outcome = error
