"""The addon's scheduled actions: how they are called, and what they tell Odoo of their progress.

Nothing else here uses what Odoo offers for this, which is another thing in each of its versions.
"""

import logging

from odoo import fields

_logger = logging.getLogger(__name__)

NIGHTLY = "customer_tiering.ir_cron_nightly"
RUNS = "customer_tiering.ir_cron_process_queue"
REFRESH = "customer_tiering.ir_cron_refresh"
FOLLOWUPS = "customer_tiering.ir_cron_followup"
REPLAYS = "customer_tiering.ir_cron_replay"
FORECASTS = "customer_tiering.ir_cron_forecast"
EFFECTS = "customer_tiering.ir_cron_effect"
FAIRNESS = "customer_tiering.ir_cron_fairness"
FORESIGHT = "customer_tiering.ir_cron_foresight"
FALLS = "customer_tiering.ir_cron_fall"
FILL = "customer_tiering.ir_cron_fill"


def get(env, name):
    """Return a scheduled action as superuser, or no record if somebody has deleted it; without a query."""
    # sudo: they belong to the system user, and whose work they do need not see them
    return env["ir.cron"].sudo().browse(env["ir.model.data"].sudo()._xmlid_to_res_id(name) or ())


def call(env, name, at=None):
    """Have a scheduled action run soon, or at ``at``, a ``datetime`` (UTC); return whether it is there."""
    job = get(env, name)
    if job:
        job._trigger(at)
    return bool(job)


def call_again(env, name):
    """Have a scheduled action run again in a minute, if it is there."""
    call(env, name, fields.Datetime.add(fields.Datetime.now(), minutes=1))


def begin(env, left):
    """Tell Odoo at the beginning of a scheduled action how much is left; in the log, if its last call had no end."""
    # sudo: as in Odoo's own code; the environment is that of the scheduled action
    progress = env["ir.cron.progress"].sudo().browse(env.context.get("ir_cron_progress_id", ()))
    # Odoo counts the calls in a row that have not come to their end, this one among them.
    if progress and progress.timed_out_counter > 1:
        _logger.warning(
            "“%s” was stopped before its end, so many times in a row: %s. What was done stays, the rest begins anew.",
            progress.cron_id.cron_name,
            progress.timed_out_counter - 1,
        )
    commit(env, left=left)


def work_off(name, waiting, take):
    """Take one waiting record after the other, as a scheduled action; what there is no time for waits for another call.

    :param name: of the scheduled action
    :param waiting: the records
    :param take: called with each; may commit, and catches what is the record's own fault
    """
    begin(waiting.env, left=len(waiting))
    for record in waiting:
        take(record)
        if not commit(waiting.env, done=1):
            # The others in calls of their own: the server limits the time of what it does in one go.
            if record != waiting[-1]:
                call(waiting.env, name)
                commit(waiting.env, left=0)
            break


def commit(env, done=0, left=None):
    """Commit, and tell Odoo of the scheduled action that runs now how much is done and, where known, left.

    :return: whether there is time to go on; else Odoo calls the action again, as long as something is left
    """
    return bool(env["ir.cron"]._commit_progress(done, remaining=left))
