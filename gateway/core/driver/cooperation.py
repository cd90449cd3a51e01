"""Connections to the database in a process whose waits are cooperative: they wait as gevent's own sockets do.

The driver would use gevent's imitation of `poll`, and be woken ten times a second by it: that costs more processor time
than what is waited for.
"""

from typing import Any

import psycopg
from gevent.socket import wait_read, wait_readwrite, wait_write
from psycopg.waiting import Ready, Wait
from sqlalchemy import event
from sqlalchemy.engine import Engine

_WAIT_FOR = {
    Wait.R: (wait_read, Ready.R),
    Wait.W: (wait_write, Ready.W),
    Wait.RW: (wait_readwrite, Ready.RW),
}


def cooperate(engine: Engine) -> None:
    """From now on the engine's connections are such."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, parameters: Any) -> "CooperativeConnection":
        return CooperativeConnection.connect(*arguments, **parameters)


class CooperativeConnection(psycopg.Connection[Any]):
    """A connection of the driver; only what it does between question and answer is its own."""

    def wait(self, gen: Any, interval: float = 0.0, timeout: float | None = None) -> Any:
        """Runs what the driver does, and waits for the server whenever it has to.

        Who is killed meanwhile, or out of time, leaves a connection on which an answer is still on its way. It is
        closed at once: to end a pipeline on it fails, and that error would take the place of what ends the greenlet.
        """
        if timeout is not None:
            return super().wait(gen, timeout=timeout)
        socket = self.pgconn.socket
        try:
            wanted = next(gen)
            while True:
                wait_for, ready = _WAIT_FOR[wanted]
                try:
                    wait_for(socket)
                except BaseException:
                    self.pgconn.finish()
                    raise
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
