import logging
from collections import Counter, defaultdict
from datetime import datetime, time, timedelta

from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from .. import jobs, sources
from ..triggers import Scan
from .customer_tiering_playbook import MANAGERS
from .customer_tiering_run import RETRYABLE

_logger = logging.getLogger(__name__)

# First key of the advisory locks of planning; the second is the company's id.
LOCK_CLASS = 1_953_065_322
# So many follow-ups are planned or closed in one transaction.
BATCH = 1000


class Workload:
    """Who can do the follow-ups of a playbook, and how many more.

    :param able: the users who can look after customers of the playbook's company
    :param planned_today: number of its follow-ups planned today, of everybody
    :param today: ``{user id: number}`` of follow-ups of the playbook planned today
    :param opened: ``{user id: number}`` of its open follow-ups
    :param load: ``{user id: number}`` of all open activities of the team's members, those who are able
    """

    def __init__(self, playbook, able, planned_today, today, opened, load):
        self.playbook = playbook
        self.able = {user.id: user for user in able}
        self.today, self.opened, self.load = Counter(today), Counter(opened), dict(load)
        self.planned_today = planned_today

    def choose(self, candidates):
        """Return ``(user, None)``, or ``(None, problem)``; ``candidates`` are user ids or None, the best first."""
        playbook = self.playbook
        members = sorted(self.load, key=lambda id_: (self.load[id_], id_))
        if playbook.assign == "team" and members:
            user_id = next(filter(self._is_free, members), None)
            return (self.able[user_id], None) if user_id else (None, "user_limit")
        for user_id in (*candidates, playbook.fallback_user_id.id):
            if user_id in self.able:
                return (self.able[user_id], None) if self._is_free(user_id) else (None, "user_limit")
        return None, "no_person"

    def take(self, user):
        self.today[user.id] += 1
        self.opened[user.id] += 1
        if user.id in self.load:  # not who only stands in for the team
            self.load[user.id] += 1

    def _is_free(self, user_id):
        limits = ((self.today, self.playbook.user_day_limit), (self.opened, self.playbook.user_open_limit))
        return all(not limit or counts[user_id] < limit for counts, limit in limits)


class CustomerTieringFollowup(models.Model):
    """What a playbook has to do, or did, for one customer because of one event.

    A row per step (or per activity of an activity plan). The rows are inserted in the transaction of the
    run that brings the event about, so an event is neither lost nor seen twice, whatever happens to
    the server; a job takes the waiting ones, creates their activities and remembers them in the same
    transaction. The activity itself stays Odoo's: that it is done, late or deleted is read from it.

    An event has a name, such as ``change:12`` or ``pending:2026-07-31``, that stays the same as long as it
    is the same event; a playbook takes an event of a customer once.
    """

    _name = "customer.tiering.followup"
    _inherit = ["customer.tiering.given"]
    _description = "Customer Follow-up"
    _tiering_owner = "user_id"
    _order = "id"
    _log_access = False  # written by playbooks, hundreds at a time

    playbook_id = fields.Many2one(
        "customer.tiering.playbook", required=True, readonly=True, ondelete="cascade", index=True
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one(
        "customer.tier", readonly=True, ondelete="set null", help="The tier at the time, after the move."
    )
    event = fields.Char(required=True, readonly=True)
    # Which step, and which activity of a plan: what makes the row unique although both can be deleted.
    action = fields.Char(required=True, readonly=True)
    step_id = fields.Many2one("customer.tiering.playbook.step", readonly=True, ondelete="set null")
    plan_template_id = fields.Many2one("mail.activity.plan.template", readonly=True, ondelete="set null")
    date = fields.Date(required=True, readonly=True, help="The day of the event.")
    state = fields.Selection(
        [
            ("held", "Held back"),
            ("waiting", "Waiting"),
            ("held_out", "Held out"),
            ("open", "Planned"),
            ("mailed", "E-mail sent"),
            ("ran", "Server action run"),
            ("closed", "Not needed any more"),
            ("skipped", "Skipped"),
        ],
        required=True,
        readonly=True,
    )
    problem = fields.Selection(
        [
            # Waiting because
            ("day_limit", "the playbook has reached its number for today"),
            ("user_limit", "the person has enough of them today, or enough open ones"),
            ("no_person", "nobody can do it: no salesperson, or one who has left, has no access or may not sell"),
            ("no_type", "the activity type of a step is archived"),
            ("no_plan", "the activity plan of a step is archived, empty or not for contacts any more"),
            ("no_action", "the server action of a step is not for contacts any more"),
            ("no_template", "the e-mail template of a step is archived or not for contacts any more"),
            ("no_working_day", "the company has no working day in its working hours"),
            # Skipped because
            ("gone", "the reason is gone"),
            ("filtered", "the playbook is not for this tier, segment, motive or risk any more"),
            ("cooldown", "the customer had a follow-up of this playbook lately"),
            ("already_open", "the customer has an open follow-up of this playbook"),
            ("needs_known", "somebody has noted what the customer needs"),
            ("no_address", "the customer has no e-mail address"),
            ("unsubscribed", "the customer does not want e-mails"),
            ("dropped", "a manager decided so"),
            ("step_deleted", "the step was deleted"),
            ("mail_failed", "the e-mail could not be made from its template"),
            ("action_failed", "the server action ended with an error"),
        ],
        readonly=True,
    )
    user_id = fields.Many2one("res.users", string="Assigned To", readonly=True, ondelete="set null")
    activity_id = fields.Many2one("mail.activity", readonly=True, ondelete="set null", index="btree_not_null")
    planned_on = fields.Date(readonly=True)
    date_deadline = fields.Date(string="Due", readonly=True, help="As promised when it was planned.")
    # Kept as it was drawn: what is drawn otherwise later moves nobody. Empty where nobody is held out.
    is_held_out = fields.Boolean(string="Held Out", readonly=True)
    drawn_percent = fields.Float(digits=(5, 2), readonly=True, groups=MANAGERS)
    draw = fields.Integer(readonly=True, groups=fields.NO_ACCESS)

    # A constraint, not an index: merging contacts looks for constraints to know what it cannot move.
    _event_uniq = models.Constraint(
        "UNIQUE(playbook_id, partner_id, event, action)", "A playbook takes an event of a customer once."
    )
    _waiting_idx = models.Index("(playbook_id) WHERE state IN ('waiting', 'held')")
    _planned_idx = models.Index("(playbook_id, partner_id, planned_on)")
    _drawn_idx = models.Index("(playbook_id, partner_id, draw) WHERE draw IS NOT NULL")

    @api.model
    def _merge(self, targets):
        """Give the follow-ups of customers to others.

        An event that several of them had, such as the first order, stays once; what is open stays before what is done.
        Who was held out and also was not, shows no effect any more: such a row loses its share.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tiering_followup SET drawn_percent = NULL
                 WHERE id IN (SELECT id
                                FROM (SELECT followup.id,
                                             BOOL_OR(is_held_out) OVER drawn != BOOL_AND(is_held_out) OVER drawn AS both
                                        FROM customer_tiering_followup followup
                                   LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target)
                                          ON given.source = partner_id
                                       WHERE partner_id = ANY(%(sources)s || %(targets)s) AND draw IS NOT NULL
                                      WINDOW drawn AS (PARTITION BY playbook_id, draw,
                                                                    COALESCE(given.target, partner_id))) mixed
                               WHERE mixed.both)
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_followup
                 WHERE id IN (SELECT id
                                FROM (SELECT followup.id, ROW_NUMBER() OVER (
                                                 PARTITION BY playbook_id, event, action,
                                                              COALESCE(given.target, partner_id)
                                                     ORDER BY followup.state = 'open' AND activity.active IS TRUE DESC,
                                                              followup.planned_on DESC NULLS LAST, followup.id)
                                        FROM customer_tiering_followup followup
                                   LEFT JOIN mail_activity activity ON activity.id = followup.activity_id
                                   LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target)
                                          ON given.source = partner_id
                                       WHERE partner_id = ANY(%(sources)s || %(targets)s)) ranked
                               WHERE row_number > 1)
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)

    @api.autovacuum
    def _gc_skipped(self):
        """Forget what was skipped more than a year ago, where the same event cannot come again."""
        triggers = self.env["customer.tiering.playbook"]._get_trigger_classes().values()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_followup
                 WHERE state = 'skipped' AND date < %s AND split_part(event, ':', 1) = ANY(%s)
                   AND company_id IN (SELECT id FROM res_company WHERE active)
                """,
                fields.Date.subtract(fields.Date.today(), years=1),
                list({trigger.kind for trigger in triggers if not trigger.may_recur}),
            )
        )
        self.invalidate_model(flush=False)

    # ------------------------------------------------------------------
    # Collect: in the transaction of the run that brings the events about
    # ------------------------------------------------------------------

    @api.model
    def _collect(self, run, as_of, last_change_id, quiet, partial):
        """Take the events of the customers that were computed.

        :param run: the ``customer.tiering.run``, whose scorecards and changes are written
        :param as_of: a ``datetime.date``
        :param last_change_id: the changes after this one are new
        :param quiet: a Series of bool, index = id of each customer: what is new comes from the policy
        :param partial: only some of the policy's customers were computed: nothing that comes with the calendar
        """
        playbooks = self.env["customer.tiering.playbook"].search(
            [("policy_id", "=", run.policy_id.id), ("enabled", "=", True)]
        )
        if not playbooks:
            return
        self.env["customer.tiering.writer"]._copy_table(run, quiet.to_frame(), quiet="bool")
        done = [("policy_id", "=", run.policy_id.id), ("state", "=", "done")]
        before = run.search([*done, ("id", "<", run.id)], limit=1)
        for playbook in playbooks:
            trigger = playbook._get_trigger()
            if not trigger.is_foreseen and not (partial and trigger.follows_calendar):
                scan = Scan(
                    as_of=as_of,
                    since=playbook.enabled_since,
                    # A day more than needed: the playbook may have been switched on after that day's run.
                    after=max(before.as_of or as_of, playbook.enabled_since) - timedelta(days=1),
                    last_change_id=last_change_id,
                    source=SQL("JOIN customer_tiering_result result ON result.partner_id = card.partner_id"),
                    quiet=SQL("result.quiet"),
                )
                self._insert(playbook, scan)
        playbooks._call_job()

    @api.model
    def _collect_present(self, playbook, since=None):
        """Take what holds of customers now, as the last run left them.

        :param playbook: that is being switched on
        :param since: a ``datetime.date``: take also what happened from that day on, for a preview
        """
        if since or playbook._get_trigger().is_state:
            scan = Scan(
                as_of=playbook.company_id._get_tiering_today(),
                since=since or playbook.enabled_since,
                after=since and since - timedelta(days=1),
                last_change_id=0,
                source=SQL(),
                quiet=SQL("FALSE"),
            )
            self._insert(playbook, scan)

    @api.model
    def _collect_foreseen(self, policy, as_of):
        """Take what was foreseen after a run.

        :param as_of: a ``datetime.date``, that of the run
        """
        playbooks = self.env["customer.tiering.playbook"].search(
            [("policy_id", "=", policy.id), ("enabled", "=", True)]
        )
        playbooks = playbooks.filtered(lambda playbook: playbook._get_trigger().is_foreseen)
        for playbook in playbooks:
            scan = Scan(
                as_of=as_of,
                since=playbook.enabled_since,
                after=None,
                last_change_id=0,
                source=SQL(),
                quiet=SQL("FALSE"),
            )
            self._insert(playbook, scan)
        if playbooks:
            playbooks._call_job()

    @api.model
    def _insert(self, playbook, scan):
        """Insert the events of ``playbook`` that it has not taken yet, one row per thing to do."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_followup (
                    playbook_id, partner_id, company_id, tier_id, event, date, state,
                    step_id, plan_template_id, action, is_held_out, drawn_percent, draw)
                SELECT %(playbook)s, event.partner_id, %(company)s, event.tier_id, event.event, %(as_of)s,
                       CASE WHEN event.held THEN 'held' ELSE 'waiting' END,
                       step.id, template.id, step.id || COALESCE('/' || template.id, ''), %(drawn)s
                  FROM (%(events)s) event
            CROSS JOIN customer_tiering_playbook_step step
                       %(earlier)s
             LEFT JOIN mail_activity_plan_template template ON template.plan_id = step.plan_id
                 WHERE step.playbook_id = %(playbook)s
                   AND NOT EXISTS (SELECT FROM customer_tiering_followup taken
                                    WHERE taken.playbook_id = %(playbook)s AND taken.partner_id = event.partner_id
                                      AND taken.event = event.event)
              -- A sum is the order of no index: all is sorted, so read, before the first row is inserted. Else each
              -- look at what is taken would go through what this very statement has inserted.
              ORDER BY event.partner_id + 0, step.sequence, step.id, template.sequence, template.id
                """,
                playbook=playbook.id,
                company=playbook.company_id.id,
                as_of=scan.as_of,
                events=playbook._get_trigger().get_events(scan),
                **self._get_draw(playbook, scan.as_of),
            )
        )
        self.invalidate_model(flush=False)
        playbook.invalidate_recordset(flush=False)
        return self.env.cr.rowcount

    def _get_draw(self, playbook, as_of):
        """Return SQL of who is held out of the playbook's events: ``drawn``, three columns, and what ``earlier`` joins.

        The unit is the customer, who stays where the first draw has put it.
        """
        playbook = playbook.sudo()  # who switches it on is not to know who is drawn
        percent = playbook.held_out_percent
        if not percent or playbook._takes_nobody_more(as_of):
            return {"drawn": SQL("NULL::boolean, NULL::numeric, NULL::int"), "earlier": SQL()}
        drawn = SQL(
            "COALESCE(earlier.is_held_out, %(is_drawn)s), COALESCE(earlier.drawn_percent, %(percent)s), %(draw)s::int",
            is_drawn=playbook._get_drawn_condition(SQL("event.partner_id")),
            percent=percent,
            draw=playbook.draw,
        )
        earlier = SQL(
            """LEFT JOIN LATERAL (SELECT kept.is_held_out, kept.drawn_percent FROM customer_tiering_followup kept
                                   WHERE kept.playbook_id = %s AND kept.partner_id = event.partner_id AND kept.draw = %s
                                ORDER BY kept.id LIMIT 1) earlier ON TRUE""",
            playbook.id,
            playbook.draw,
        )
        return {"drawn": drawn, "earlier": earlier}

    @api.model
    def _get_still_query(self, playbook):
        """Return the SQL condition that the reason of a row (``followup``) still holds; ``card`` is the
        customer's scorecard, if there is one.

        A row from before the playbook got another trigger cannot be judged by the present one, so its reason holds.
        """
        trigger = playbook._get_trigger()
        return SQL(
            # A CASE, because PostgreSQL may look at the conditions of an AND in any order.
            "COALESCE(card.policy_id = %s AND CASE split_part(followup.event, ':', 1) WHEN %s THEN %s ELSE TRUE END, "
            "FALSE)",
            playbook.policy_id.id,
            trigger.kind,
            trigger.get_reason(),
        )

    # ------------------------------------------------------------------
    # Plan: the job
    # ------------------------------------------------------------------

    @api.model
    def _cron_process(self):
        """Close what is not needed any more and plan what waits, playbook by playbook."""
        # Archived ones too: what they left open is closed when its reason goes. But not those of archived companies.
        playbooks = self.env["customer.tiering.playbook"].with_context(active_test=False)
        playbooks = playbooks.search([("company_id.active", "=", True)])
        jobs.begin(self.env, left=len(playbooks))
        for left, playbook in zip(reversed(range(len(playbooks))), playbooks, strict=True):
            # Odoo calls the job again when time is up; what is done stays done.
            while done := self._process_and_commit(playbook):
                if not jobs.commit(self.env, done, left=left + 1):
                    return
            if not jobs.commit(self.env, left=left):
                return

    def _process_and_commit(self, playbook):
        """Do one part of a playbook's work; return how much, 0 at the end."""
        try:
            done = self._process(playbook, playbook.company_id._get_tiering_today())
            self.env.flush_all()  # here, where a conflict with somebody's change is no failure of the job
            return done
        except RETRYABLE as error:
            # Somebody closed one of the activities at this moment: later again.
            self.env.cr.rollback()
            _logger.info("Playbook %s waits: %s", playbook.id, str(error).strip())
            playbook._call_job(fields.Datetime.add(fields.Datetime.now(), minutes=1))
        except Exception:
            _logger.exception("Follow-ups of playbook %s could not be planned", playbook.id)
            self.env.cr.rollback()
        return 0

    @api.model
    def _process(self, playbook, as_of):
        """Close and plan up to ``BATCH`` follow-ups in the present transaction.

        :param as_of: a ``datetime.date``, "today"
        :return: how many; there may be more until it is 0
        """
        if not playbook.company_id.active or not self._try_lock(playbook.company_id):  # another worker is at it
            return 0
        self.env.flush_all()
        closed = self._close_gone(playbook)
        return closed + self._plan(playbook, as_of) if playbook.enabled else closed

    def _try_lock(self, company):
        """Hold the lock of the company's planning until the end of the transaction; return whether it was free."""
        ((locked,),) = self.env.execute_query(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_CLASS, company.id))
        return locked

    def _close_gone(self, playbook):
        """Close the open activities whose reason has disappeared; return how many."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT followup.id, followup.activity_id
                  FROM customer_tiering_followup followup
                  JOIN mail_activity activity ON activity.id = followup.activity_id AND activity.active
             LEFT JOIN customer_tiering_scorecard card ON card.partner_id = followup.partner_id
                                                      AND card.company_id = followup.company_id
                 WHERE followup.playbook_id = %s AND followup.state = 'open' AND NOT %s
              ORDER BY followup.id
                 LIMIT %s
                """,
                playbook.id,
                self._get_still_query(playbook),
                BATCH,
            )
        )
        if not rows:
            return 0
        followups = self.browse(row[0] for row in rows)
        activities = self.env["mail.activity"].browse(row[1] for row in rows)
        for lang, ours in activities.grouped(lambda activity: activity.user_id.lang).items():
            trigger = playbook.with_context(lang=lang)._get_trigger()
            # Not as done: nobody did it, and no next activity follows.
            ours.write({"active": False, "feedback": trigger.get_gone_message()})
        bodies = defaultdict(Markup)
        for activity in activities:
            bodies[activity.res_id] = Markup("<p>%s: %s</p>") % (activity.display_name, activity.feedback)
        self.env["res.partner"].browse(bodies)._message_log_batch(bodies=bodies)
        followups.write({"state": "closed", "problem": "gone"})
        return len(rows)

    def _plan(self, playbook, as_of):
        """Create the activities and e-mails of up to ``BATCH`` waiting follow-ups; return how many were done."""
        self._skip(playbook, as_of)
        chosen, problems = self._choose(playbook, as_of, most=BATCH)
        self._note_problems(problems)
        chosen, done = self._hold_out(playbook, as_of, chosen)
        done += self._create_activities(playbook, as_of, chosen)
        done += self._send_mails(as_of, chosen)
        done += self._run_actions(as_of, chosen)
        playbook.invalidate_recordset(["waiting_count", "open_count", "problem"], flush=False)
        return done

    def _hold_out(self, playbook, as_of, chosen):
        """Do nothing for the customers who are held out, as a follow-up would be done at this place: it uses up the
        limits of the playbook and of the person.

        :return: ``(chosen, number)``: the others of ``chosen``, and how many follow-ups were held out
        """
        ids = [id_ for ids, _partner, _user in chosen for id_ in ids]
        held = self.browse(ids).filtered("is_held_out")
        # sudo: who sets the job off may be anybody
        if not held or playbook.sudo()._takes_nobody_more(as_of):
            return chosen, 0
        users = {id_: user for ids, _partner, user in chosen for id_ in ids}
        due = {step: step._get_due_date(as_of) for step in held.step_id}
        mails = held.filtered(lambda followup: followup.step_id.kind == "mail")
        able = held.plan_template_id.responsible_id._filter_tiering_able(playbook.company_id)
        for followup in held - mails | mails._skip_unreachable():
            # What is done by itself is open for nobody.
            is_open = followup.step_id.kind not in ("mail", "action")
            followup.write(
                {
                    "state": "held_out",
                    "problem": False,
                    "planned_on": as_of,
                    "user_id": self._get_responsible(followup.plan_template_id, users[followup.id], able).id,
                    "date_deadline": is_open and self._get_plan_date(followup.plan_template_id, due[followup.step_id]),
                }
            )
        gone = set(held.ids)
        return [each for each in chosen if gone.isdisjoint(each[0])], len(held)

    def _skip_unreachable(self):
        """Skip e-mails to customers without an address, and to those who want none; return the others."""
        addresses = self.partner_id.mapped("email_normalized")
        refused = set(self.env["mail.blacklist"].sudo().search([("email", "in", addresses)]).mapped("email"))
        missing = self.filtered(lambda followup: not followup.partner_id.email_normalized)
        unsubscribed = (self - missing).filtered(lambda followup: followup.partner_id.email_normalized in refused)
        missing.write({"state": "skipped", "problem": "no_address"})
        unsubscribed.write({"state": "skipped", "problem": "unsubscribed"})
        return self - missing - unsubscribed

    def _skip(self, playbook, as_of):
        """Skip what waits and must not be done, with the reason."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tiering_followup SET state = 'skipped', problem = judged.problem
                  FROM (SELECT followup.id, CASE %s END AS problem
                          FROM customer_tiering_followup followup
                     LEFT JOIN customer_tiering_playbook_step step ON step.id = followup.step_id
                     LEFT JOIN customer_tiering_scorecard card ON card.partner_id = followup.partner_id
                                                              AND card.company_id = followup.company_id
                         WHERE followup.playbook_id = %s AND followup.state = 'waiting') judged
                 WHERE judged.id = customer_tiering_followup.id AND judged.problem IS NOT NULL
                """,
                SQL(" ").join(self._get_skip_reasons(playbook, as_of)),
                playbook.id,
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _get_skip_reasons(self, playbook, as_of):
        """Return why something that waits must not be done, as a list of SQL ``WHEN condition THEN problem``.

        The first that holds is the reason. ``followup`` is what waits, ``step`` its step and ``card`` the customer's
        scorecard, if they are still there. Another app adds its own.
        """
        reasons = [
            SQL("WHEN step.id IS NULL OR step.kind = 'plan' AND followup.plan_template_id IS NULL THEN 'step_deleted'"),
            SQL("WHEN NOT %s THEN 'gone'", self._get_still_query(playbook)),
            SQL("WHEN NOT COALESCE(%s, FALSE) THEN 'filtered'", playbook._get_trigger().get_filter()),
            SQL(
                """WHEN step.asks_needs AND step.kind = 'activity'
                    AND EXISTS (SELECT FROM customer_tiering_need need
                                 WHERE need.partner_id = followup.partner_id
                                   AND COALESCE(need.company_id, followup.company_id) = followup.company_id
                                   AND COALESCE(need.valid_until >= %s, TRUE))
                   THEN 'needs_known'""",
                as_of,
            ),
        ]
        if playbook.only_without_open:
            reasons.append(
                SQL(
                    """WHEN EXISTS (SELECT FROM customer_tiering_followup other
                                 LEFT JOIN mail_activity activity ON activity.id = other.activity_id
                                     WHERE other.playbook_id = followup.playbook_id AND %s
                                       AND other.partner_id = followup.partner_id AND other.event != followup.event)
                       THEN 'already_open'""",
                    self._is_open("other", as_of),
                )
            )
        if playbook.cooldown_days:
            reasons.append(
                SQL(
                    """WHEN EXISTS (SELECT FROM customer_tiering_followup other
                                     WHERE other.playbook_id = followup.playbook_id
                                       AND other.partner_id = followup.partner_id AND other.event != followup.event
                                       AND other.planned_on > %s)
                       THEN 'cooldown'""",
                    as_of - timedelta(days=playbook.cooldown_days),
                )
            )
        return reasons

    def _is_open(self, alias, as_of):
        """Return the SQL condition that a follow-up, with its ``activity`` if it has one, is still to be done. One that
        is held out would be until it is due."""
        return SQL(
            "(%(row)s.state = 'open' AND activity.active"
            " OR %(row)s.state = 'held_out' AND %(row)s.date_deadline >= %(as_of)s)",
            row=SQL.identifier(alias),
            as_of=as_of,
        )

    def _choose(self, playbook, as_of, most=None):
        """Choose who comes next, and who does it, the customers with the highest score first.

        :param most: choose no more than so many follow-ups; all when left out
        :return: ``([(follow-up ids, partner id, user)], {problem: follow-up ids})``; all that one event asks for is
            chosen together
        """
        if obstacle := next(filter(None, (step._get_obstacle(as_of) for step in playbook.step_ids)), None):
            waiting = self.search([("playbook_id", "=", playbook.id), ("state", "=", "waiting")])
            return [], {obstacle: waiting.ids}
        waiting = self._get_waiting(playbook)
        workload = self._get_workload(playbook, as_of, {id_ for _ids, _partner, users in waiting for id_ in users})
        chosen, problems = [], defaultdict(list)
        today_left = (playbook.day_limit or float("inf")) - workload.planned_today
        partners, size = set(), 0
        for ids, partner_id, candidates in waiting:
            if (playbook.only_without_open or playbook.cooldown_days) and partner_id in partners:
                continue  # a second event of the same customer: judged when the first is planned
            if today_left <= 0:
                problems["day_limit"] += ids
                continue
            user, problem = workload.choose(candidates)
            if problem:
                problems[problem] += ids
                continue
            if most and size and size + len(ids) > most:
                break
            workload.take(user)
            partners.add(partner_id)
            chosen.append((ids, partner_id, user))
            size += len(ids)
            today_left -= 1
        return chosen, problems

    def _get_waiting(self, playbook):
        """Return what waits, an item per event: follow-up ids, customer and who could do it, by preference."""
        person = {
            "customer": SQL("customer.user_id"),
            "order": SQL(
                """(SELECT placed.user_id FROM sale_order placed
                      JOIN res_partner buyer ON buyer.id = placed.partner_id
                     WHERE %s AND %s = customer.id AND placed.company_id = %s AND placed.state = 'sale'
                  ORDER BY placed.date_order DESC, placed.id DESC LIMIT 1)""",
                sources.customers.get_contacts(SQL("customer.id")),
                sources.customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
                playbook.company_id.id,
            ),
            "leader": SQL("%s::int", playbook.team_id.user_id.id or None)
            if playbook.team_id
            else SQL(
                """(SELECT team.user_id FROM crm_team_member member JOIN crm_team team ON team.id = member.crm_team_id
                     WHERE member.user_id = customer.user_id AND member.active AND team.active
                  ORDER BY member.create_date, member.id LIMIT 1)"""
            ),
            "team": SQL("NULL::int"),
            "user": SQL("%s::int", playbook.user_id.id or None),
        }[playbook.assign]
        return self.env.execute_query(
            SQL(
                """
                SELECT ARRAY_AGG(followup.id ORDER BY followup.id), followup.partner_id,
                       ARRAY[%(person)s, tier.user_id]
                  FROM customer_tiering_followup followup
                  JOIN res_partner customer ON customer.id = followup.partner_id
                  JOIN customer_tiering_scorecard card ON card.partner_id = followup.partner_id
                                                      AND card.company_id = followup.company_id
             LEFT JOIN customer_tier tier ON tier.id = card.tier_id
                 WHERE followup.playbook_id = %(playbook)s AND followup.state = 'waiting'
              GROUP BY followup.partner_id, followup.event, customer.id, card.score, tier.user_id
              ORDER BY card.score DESC NULLS LAST, followup.partner_id, MIN(followup.id)
                """,
                person=person,
                playbook=playbook.id,
            )
        )

    def _get_workload(self, playbook, as_of, candidates):
        """Return who can do it, with what everybody has to do already.

        :param candidates: ids of users, or None, who could do it beside the team and the one named by the playbook
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT user_id, SUM(today)::int, SUM(open)::int
                  FROM (SELECT user_id, COUNT(DISTINCT (partner_id, event)) AS today, 0 AS open
                          FROM customer_tiering_followup
                         WHERE playbook_id = %(playbook)s AND planned_on = %(as_of)s
                      GROUP BY user_id
                     UNION ALL
                        -- Of whoever has it now: it may have been given to somebody else.
                        SELECT COALESCE(activity.user_id, followup.user_id), 0, COUNT(DISTINCT (partner_id, event))
                          FROM customer_tiering_followup followup
                     LEFT JOIN mail_activity activity ON activity.id = followup.activity_id
                         WHERE playbook_id = %(playbook)s AND %(is_open)s
                      GROUP BY 1) counted
              GROUP BY user_id
                """,
                as_of=as_of,
                playbook=playbook.id,
                is_open=self._is_open("followup", as_of),
            )
        )
        members = playbook.team_id.crm_team_member_ids.user_id
        able = members | playbook.fallback_user_id | members.browse(filter(None, candidates))
        able = able._filter_tiering_able(playbook.company_id)
        members &= able
        load = {}
        if playbook.assign == "team":
            load = dict(
                self.env["mail.activity"]._read_group([("user_id", "in", members.ids)], ["user_id"], ["__count"])
            )
        # Once per event, although a plan may give its activities to several people.
        ((planned_today,),) = self.env.execute_query(
            SQL(
                "SELECT COUNT(DISTINCT (partner_id, event)) FROM customer_tiering_followup "
                "WHERE playbook_id = %s AND planned_on = %s",
                playbook.id,
                as_of,
            )
        )
        return Workload(
            playbook,
            able,
            planned_today,
            today={user_id: today for user_id, today, _opened in rows},
            opened={user_id: opened for user_id, _today, opened in rows},
            load={user.id: load.get(user, 0) for user in members},
        )

    def _note_problems(self, problems):
        """Keep why waiting follow-ups wait; the others that wait have no problem."""
        for problem, ids in problems.items():
            self.env.cr.execute(
                SQL(
                    "UPDATE customer_tiering_followup SET problem = %(problem)s "
                    "WHERE id = ANY(%(ids)s) AND problem IS DISTINCT FROM %(problem)s",
                    problem=problem,
                    ids=ids,
                )
            )
        self.invalidate_model(["problem"], flush=False)

    def _create_activities(self, playbook, as_of, chosen):
        """Create the activities of chosen follow-ups, all at once; return how many."""
        model_id = self.env["ir.model"]._get_id("res.partner")
        followups = self.browse(id_ for ids, _partner, _user in chosen for id_ in ids)
        due = {step: step._get_due_date(as_of) for step in followups.step_id}
        texts = playbook._get_texts(partner_id for _ids, partner_id, _user in chosen)
        able = followups.plan_template_id.responsible_id._filter_tiering_able(playbook.company_id)
        rows, values = [], []
        for ids, partner_id, user in chosen:
            for followup in self.browse(ids).with_prefetch(followups._prefetch_ids):
                step = followup.step_id.with_context(lang=user.lang)
                template = followup.plan_template_id.with_context(lang=user.lang)
                if step.kind in ("mail", "action"):
                    continue
                source = template or step
                rows.append(followup.id)
                values.append(
                    {
                        "res_model_id": model_id,
                        "res_id": partner_id,
                        "activity_type_id": source.activity_type_id.id,
                        "summary": texts.render(partner_id, user.lang, source.summary),
                        "note": texts.render_note(partner_id, user.lang, source),
                        "date_deadline": self._get_plan_date(template, due[followup.step_id]),
                        "user_id": self._get_responsible(template, user, able).id,
                        "automated": True,
                    }
                )
        # One notification per activity would take minutes; the systray counts them anyway.
        activities = self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(values)
        self._set_planned(self.browse(rows), as_of, activities)
        return len(rows)

    def _get_responsible(self, template, user, able):
        """Return who does an activity of a plan: who is named by it, if he is ``able``, else ``user``."""
        named = template.responsible_id if template.responsible_type == "other" else user
        return named if named in able else user

    def _get_plan_date(self, template, date):
        """Return when an activity of a plan that starts on ``date`` is due; not before that day."""
        if not template:
            return date
        sign = -1 if template.delay_from == "before_plan_date" else 1
        return max(date, date + sign * relativedelta(**{template.delay_unit: template.delay_count}))

    def _set_planned(self, rows, as_of, activities):
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tiering_followup
                   SET state = 'open', problem = NULL, planned_on = %s, activity_id = made.activity_id,
                       user_id = made.user_id, date_deadline = made.date_deadline
                  FROM unnest(%s::int[], %s::int[], %s::int[], %s::date[])
                       AS made (id, activity_id, user_id, date_deadline)
                 WHERE made.id = customer_tiering_followup.id
                """,
                as_of,
                rows.ids,
                activities.ids,
                [activity.user_id.id for activity in activities],
                [activity.date_deadline for activity in activities],
            )
        )
        self.invalidate_model(flush=False)

    def _send_mails(self, as_of, chosen):
        """Queue the e-mails of chosen follow-ups; return how many were sent or skipped."""
        followups = self.browse(id_ for ids, _partner, _user in chosen for id_ in ids).filtered(
            lambda followup: followup.step_id.kind == "mail"
        )
        users = {id_: user for ids, _partner, user in chosen for id_ in ids}
        for step, mailed in followups._skip_unreachable().grouped("step_id").items():
            date = step._get_due_date(as_of)
            zone = step.company_id._get_tiering_timezone()
            moment = date > as_of and datetime.combine(date, time(), tzinfo=zone)  # of a date alone Odoo makes none
            without = self._queue_mails(step.mail_template_id, mailed.partner_id, moment)
            failed = mailed.filtered_domain([("partner_id", "in", without.ids)])
            failed._note_failed("mail_failed", as_of)
            mailed -= failed
            mailed.write({"state": "mailed", "problem": False, "planned_on": as_of, "date_deadline": date})
            for user, theirs in mailed.grouped(lambda followup: users[followup.id]).items():
                theirs.user_id = user
        return len(followups)

    def _run_actions(self, as_of, chosen):
        """Run the server actions of chosen follow-ups, customer by customer; return how many were run or skipped.

        By the user of the job, as automation rules by time are. An error of one is its own: the log has it.
        """
        users = {id_: user for ids, _partner, user in chosen for id_ in ids}
        followups = self.browse(users).filtered(lambda followup: followup.step_id.kind == "action")
        failed = self.browse()
        for followup in followups:  # one by one, so that the error of one is its own
            # sudo: for administrators only; one of them has chosen it
            action, customer = followup.step_id.sudo().server_action_id, followup.partner_id
            try:
                with self.env.cr.savepoint():
                    action.with_company(followup.company_id).with_context(
                        active_model=customer._name, active_id=customer.id, active_ids=customer.ids
                    ).run()
                    self.env.flush_all()
            except RETRYABLE:
                raise
            except Exception as error:
                _logger.warning("Server action %s failed for customer %s: %s", action.id, customer.id, error)
                failed |= followup
        ran = {"state": "ran", "problem": False, "planned_on": as_of, "date_deadline": as_of}
        (followups - failed).write(ran)
        failed._note_failed("action_failed", as_of)
        for user, theirs in followups.grouped(lambda followup: users[followup.id]).items():
            theirs.user_id = user
        return len(followups)

    def _note_failed(self, problem, as_of):
        """Skip follow-ups because of a ``problem`` that only shows in doing them."""
        self.write({"state": "skipped", "problem": problem})
        # Who is held out has no such problem: left out of one group only, they would make the two different.
        self.filtered("draw").planned_on = as_of

    def _queue_mails(self, template, partners, moment):
        """Queue an e-mail to each of ``partners``, to be sent at ``moment``, if any; return to whom it failed."""
        # What goes out by itself is no interaction, see sources/messages.py.
        values = {"message_type": "auto_comment", **({"scheduled_date": moment} if moment else {})}
        try:
            with self.env.cr.savepoint():
                template.send_mail_batch(partners.ids, email_values=values)
        except RETRYABLE:
            raise
        except Exception as error:
            if len(partners) > 1:  # only those that are to blame
                return partners.browse().union(*(self._queue_mails(template, partner, moment) for partner in partners))
            _logger.warning("E-mail template %s failed for customer %s: %s", template.id, partners.id, error)
            return partners
        return partners.browse()
