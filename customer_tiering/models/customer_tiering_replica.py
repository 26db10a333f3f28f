import logging
import time

import psycopg2

from odoo import api, models
from odoo.tools import SQL, config

from .. import pace

_logger = logging.getLogger(__name__)

# Seconds for which a reading waits until the replica has what it must see, and between two looks.
PATIENCE = 5.0
PAUSE = 0.02


class CustomerTieringReplica(models.AbstractModel):
    """Reads on the replica of the database where the server has one (``--db_replica_host``).

    **Nothing is missed because the replica lags behind.** The primary is asked for the end of its log
    (WAL) once the transaction for which the reading is done has its snapshot: all that the snapshot sees
    lies before this point of the log. The replica reads only once it has replayed the log up to there, and
    in a transaction that begins afterwards. So it sees everything that the primary would have shown, and at
    most what was committed in the moments since. Where it does not get there within a few seconds, the
    primary reads.

    The point is the end of what was *inserted* into the log: with ``synchronous_commit = off`` a commit
    is visible before it is flushed.

    What the present transaction has written is on no replica. Where it has a number, it has written or locked
    something and reads itself: heavy reading comes before the first write. A job that has only locked and
    counted says so by the key ``tiering_unwritten`` of the context.
    """

    _name = "customer.tiering.replica"
    _description = "Customer Tiering: Reading on the Replica"

    @api.model
    def _read_customers(self, scope, columns=(), learn=None, with_interactions=True):
        """Read all customers of a scope, as ``customer.tiering.reader`` does.

        Customers whom the replica knows already and the present transaction does not, because they were
        created a moment ago, are left to the next reading: nothing could refer to them.
        """
        frame, cr = self._read(
            lambda env: (
                env["customer.tiering.reader"]._read_customers(scope, columns, learn, with_interactions),
                env.cr,
            )
        )
        return frame if cr is self.env.cr else frame.drop(self._get_unknown(frame.index))

    @api.model
    def _read_part(self, scope, columns, learn=None):
        """Read the customers of a part, as ``customer.tiering.reader`` does; see :meth:`_read_customers`."""
        (frame, *papers), cr = self._read(
            lambda env: (env["customer.tiering.reader"]._read_part(scope, columns, learn), env.cr)
        )
        return (frame if cr is self.env.cr else frame.drop(self._get_unknown(frame.index))), *papers

    @api.model
    def _read_history(self, scope, columns, nights, with_untaken=False):
        """Read the customers of a scope and what they bought, as ``customer.tiering.reader`` does."""
        return self._read(
            lambda env: env["customer.tiering.reader"]._read_history(scope, columns, nights, with_untaken)
        )

    @api.model
    def _read_papers(self, scope):
        """Read the documents that the customers of a scope bought by, as ``customer.tiering.reader`` does."""
        return self._read(lambda env: env["customer.tiering.reader"]._read_papers(scope))

    @api.model
    def _read(self, function):
        """Return ``function(env)``, called with an environment whose cursor is on the replica, if it may be.

        Without a replica, where the present transaction has written, and when the replica fails, lags or dies
        meanwhile, with the present one. So it may be called twice, and must not write, not even to a temporary
        table. Records of the present environment give it what they hold, as read by the present transaction.
        """
        if not config["db_replica_host"] or self.env.cr.readonly:
            return function(self.env)
        self.env.flush_all()
        # From here on the present transaction has its snapshot.
        ((has_number,),) = self.env.execute_query(SQL("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"))
        if has_number and not self.env.context.get("tiering_unwritten"):
            return function(self.env)
        try:
            # Nobody works on the replica, which does not wait for ever before it goes on with the primary's changes.
            with pace.not_resting(), self.env.registry.cursor(readonly=True) as cr:
                obstacle = self._get_obstacle(cr)
                if not obstacle:
                    return function(self.env(cr=cr))
        except psycopg2.Error as error:  # the replica is away, has cancelled the statement, or cannot answer it
            obstacle = " ".join(str(error).split()) or type(error).__name__
        _logger.warning("Customers are read on the primary database, not on its replica: %s", obstacle)
        return function(self.env)

    def _get_obstacle(self, cr):
        """Wait until the replica has replayed the log as it is now; return why it must not read, or None."""
        if not cr.readonly:
            return "it does not answer"
        position = self._get_position()
        deadline = time.monotonic() + PATIENCE
        while True:
            cr.execute(
                "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn", [position], log_exceptions=False
            )
            is_replica, is_there = cr.fetchone()
            cr.rollback()  # the next statement has a snapshot of its own
            if not is_replica:
                return "the server there is none"
            if is_there:
                return None
            if time.monotonic() > deadline:
                return f"it is more than {PATIENCE:g} seconds behind"
            time.sleep(PAUSE)

    def _get_position(self):
        """Return the end of the primary's log, as text, and have the primary send the log up to there.

        It may keep the end of it for itself until something is committed. A transaction that has a number and nothing
        else is the smallest commit.
        """
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT pg_current_wal_insert_lsn()::text, pg_current_xact_id()", log_exceptions=False)
            position, _number = cr.fetchone()
        return position

    def _get_unknown(self, partner_ids):
        """Return which of the ``partner_ids`` (an index) the present transaction does not know."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT found.id FROM unnest(%s::int[]) found (id)
                 WHERE NOT EXISTS (SELECT FROM res_partner WHERE res_partner.id = found.id)
                """,
                # As text: an array of a million numbers is a million expressions.
                "{%s}" % ",".join(map(str, partner_ids)),
            )
        )
        return [partner_id for (partner_id,) in rows]
