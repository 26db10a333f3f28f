import logging
from collections import Counter, defaultdict
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from .customer_tiering_playbook import MOVES, RISK_LEVELS
from .customer_tiering_run import RETRYABLE

_logger = logging.getLogger(__name__)

# First key of the advisory locks of planning; the second is the company's id.
LOCK_CLASS = 1_953_065_322
# So many follow-ups are planned or closed in one transaction.
BATCH = 1000
# Changes that are events in the customer's life; those of a policy (rules, comparison, first run) are held back.
OWN_REASONS = ("score", "share", "condition", "cluster", "instant", "first")
POLICY_REASONS = ("rules", "calibration")


class People:
    """Who can do the follow-ups of a playbook, and how many more.

    :param planned_today: number of its follow-ups planned today, of everybody
    :param today: ``{user id: number}`` of follow-ups of the playbook planned today
    :param opened: ``{user id: number}`` of its open follow-ups
    :param load: ``{user id: number}`` of all open activities of the team's members
    """

    def __init__(self, playbook, planned_today, today, opened, load):
        self.playbook = playbook
        self.users = playbook.env["res.users"]
        self.today, self.opened, self.load = Counter(today), Counter(opened), dict(load)
        self.planned_today = planned_today
        self.able = {}

    def choose(self, candidates):
        """Return ``(user, None)``, or ``(None, problem)``; ``candidates`` are user ids or None, the best first."""
        playbook = self.playbook
        members = [id_ for id_ in sorted(self.load, key=lambda id_: (self.load[id_], id_)) if self._is_able(id_)]
        if playbook.assign == "team" and members:
            user_id = next(filter(self._is_free, members), None)
            return (self.users.browse(user_id), None) if user_id else (None, "user_limit")
        for user_id in (*candidates, playbook.fallback_user_id.id):
            if user_id and self._is_able(user_id):
                return (self.users.browse(user_id), None) if self._is_free(user_id) else (None, "user_limit")
        return None, "no_person"

    def take(self, user):
        for counts in (self.today, self.opened, self.load):
            counts[user.id] = counts.get(user.id, 0) + 1

    def _is_able(self, user_id):
        if user_id not in self.able:
            self.able[user_id] = bool(self.playbook._get_able(self.users.browse(user_id)))
        return self.able[user_id]

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
    _description = "Customer Follow-up"
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
            ("open", "Planned"),
            ("mailed", "E-mail sent"),
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
            ("no_person", "nobody can do it: no salesperson, or the person has left or has no access"),
            ("no_type", "the activity type of a step is archived"),
            ("no_plan", "the activity plan of a step is archived, empty or not for contacts any more"),
            ("no_template", "the e-mail template of a step is archived or not for contacts any more"),
            ("no_working_day", "the company has no working day in its working hours"),
            # Skipped because
            ("gone", "the reason is gone"),
            ("filtered", "the playbook is not for this tier, segment or risk any more"),
            ("cooldown", "the customer had a follow-up of this playbook lately"),
            ("already_open", "the customer has an open follow-up of this playbook"),
            ("no_address", "the customer has no e-mail address"),
            ("unsubscribed", "the customer does not want e-mails"),
            ("dropped", "a manager decided so"),
            ("step_deleted", "the step was deleted"),
            ("mail_failed", "the e-mail could not be made from its template"),
        ],
        readonly=True,
    )
    user_id = fields.Many2one("res.users", string="Assigned To", readonly=True, ondelete="set null")
    activity_id = fields.Many2one("mail.activity", readonly=True, ondelete="set null", index="btree_not_null")
    planned_on = fields.Date(readonly=True)
    date_deadline = fields.Date(string="Due", readonly=True, help="As promised when it was planned.")

    # A constraint, not an index: merging contacts looks for constraints to know what it cannot move.
    _event_uniq = models.Constraint(
        "UNIQUE(playbook_id, partner_id, event, action)", "A playbook takes an event of a customer once."
    )
    _waiting_idx = models.Index("(playbook_id) WHERE state IN ('waiting', 'held')")
    _planned_idx = models.Index("(playbook_id, partner_id, planned_on)")

    @api.model
    def _merge(self, sources, target):
        """Move the follow-ups of the partners ``sources`` to the partner ``target``, before the former are deleted.

        An event that several of them had, such as the first order, stays once; what is open stays before what is done.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_followup
                 WHERE id IN (SELECT id
                                FROM (SELECT followup.id, ROW_NUMBER() OVER (
                                                 PARTITION BY playbook_id, event, action
                                                     ORDER BY followup.state = 'open' AND activity.active IS TRUE DESC,
                                                              followup.planned_on DESC NULLS LAST, followup.id)
                                        FROM customer_tiering_followup followup
                                   LEFT JOIN mail_activity activity ON activity.id = followup.activity_id
                                       WHERE partner_id = ANY(%s)) ranked
                               WHERE row_number > 1)
                """,
                (sources | target).ids,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE customer_tiering_followup SET partner_id = %s WHERE partner_id = ANY(%s)",
                target.id,
                sources.ids,
            )
        )
        self.invalidate_model(flush=False)

    @api.autovacuum
    def _gc_skipped(self):
        """Forget what was skipped more than a year ago, where the same event cannot come again."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_followup
                 WHERE state = 'skipped' AND date < %s AND split_part(event, ':', 1) IN ('change', 'pending')
                """,
                fields.Date.subtract(fields.Date.today(), years=1),
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
            if not partial or playbook.trigger not in ("contact", "anniversary"):
                self._insert(
                    playbook,
                    as_of,
                    source=SQL("JOIN customer_tiering_result result ON result.partner_id = card.partner_id"),
                    quiet=SQL("result.quiet"),
                    last_change_id=last_change_id,
                    # A day more than needed: the playbook may have been switched on after that day's run.
                    after=max(before.as_of or as_of, playbook.enabled_since) - timedelta(days=1),
                )
        playbooks._call_job()

    @api.model
    def _collect_present(self, playbook, since=None):
        """Take what holds of customers now, as the last run left them.

        :param playbook: that is being switched on
        :param since: a ``datetime.date``: take also what happened from that day on, for a preview
        """
        as_of = playbook.company_id._get_tiering_today()
        if since or playbook.trigger not in (*MOVES, "segment", "anniversary", "first_order"):
            self._insert(
                playbook,
                as_of,
                source=SQL(),
                quiet=SQL("FALSE"),
                last_change_id=0,
                after=since and since - timedelta(days=1),
                since=since,
            )

    @api.model
    def _insert(self, playbook, as_of, **parameters):
        """Insert the events of ``playbook`` that it has not taken yet, one row per thing to do."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_followup (
                    playbook_id, partner_id, company_id, tier_id, event, date, state,
                    step_id, plan_template_id, action)
                SELECT %(playbook)s, event.partner_id, %(company)s, event.tier_id, event.event, %(as_of)s,
                       CASE WHEN event.held THEN 'held' ELSE 'waiting' END,
                       step.id, template.id, step.id || COALESCE('/' || template.id, '')
                  FROM (%(events)s) event
            CROSS JOIN customer_tiering_playbook_step step
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
                as_of=as_of,
                events=self._get_event_query(playbook, as_of, **parameters),
            )
        )
        self.invalidate_model(flush=False)
        playbook.invalidate_recordset(flush=False)
        return self.env.cr.rowcount

    @api.model
    def _get_event_query(self, playbook, as_of, source, quiet, last_change_id, after, since=None):
        """Return the SELECT of the events: ``partner_id``, ``tier_id``, ``event`` and ``held``.

        :param source: SQL that joins what restricts the scorecards (``card``), or nothing
        :param quiet: SQL condition: what is new about the customer comes from the policy, not from the customer
        :param last_change_id: the changes of tier after this one count
        :param after: the anniversaries after this day count
        :param since: what happened from this day on counts; the day of switching on when left out
        """
        since = since or playbook.enabled_since
        tiers, segments = playbook.with_context(active_test=False).tier_ids.ids, playbook.segment_ids.ids
        move = playbook.trigger in MOVES
        conditions = [
            SQL("card.company_id = %s AND card.policy_id = %s", playbook.company_id.id, playbook.policy_id.id),
            SQL("card.segment_id = ANY(%s)", segments) if segments else SQL("TRUE"),
            SQL("card.tier_id = ANY(%s)", tiers) if tiers and not move else SQL("TRUE"),
        ]
        parameters = {
            "source": source,
            "quiet": quiet,
            "tiers": tiers,
            "since": since,
            "after": after,
            "as_of": as_of,
            "playbook": playbook.id,
            "last_change": last_change_id,
            "contact_days": playbook.contact_days,
            "cooldown_days": playbook.cooldown_days,
            "levels": list(RISK_LEVELS[playbook.risk_level]),
            "own_reasons": list(OWN_REASONS),
            "policy_reasons": list(POLICY_REASONS),
            "directions": {"enter": ["new", "up"], "up": ["up"], "down": ["down"]}.get(playbook.trigger),
            "moved_tier": SQL("change.to_tier_id" if playbook.trigger == "enter" else "change.from_tier_id"),
        }
        if tiers and move:
            conditions.append(SQL("%(moved_tier)s = ANY(%(tiers)s)", **parameters))
        queries = {
            **dict.fromkeys(
                MOVES,
                """
                SELECT card.partner_id, change.to_tier_id AS tier_id, 'change:' || change.id AS event,
                       %(quiet)s OR change.reason = ANY(%(policy_reasons)s) AS held
                  FROM customer_tier_change change
                  JOIN customer_tiering_scorecard card ON card.partner_id = change.partner_id
                                                      AND card.company_id = change.company_id
                       %(source)s
                 WHERE change.id > %(last_change)s AND change.policy_id = card.policy_id AND change.date >= %(since)s
                   AND change.direction = ANY(%(directions)s)
                   AND (change.reason = ANY(%(own_reasons)s) OR change.reason = ANY(%(policy_reasons)s))
                """,
            ),
            "pending": """
                SELECT card.partner_id, card.tier_id, 'pending:' || card.pending_date AS event, %(quiet)s AS held
                  FROM customer_tiering_scorecard card
                       %(source)s
                 WHERE card.pending_tier_id IS NOT NULL
                """,
            # Once in the time between two orders.
            "risk": """
                SELECT card.partner_id, card.tier_id, 'risk:' || card.last_order_date AS event, %(quiet)s AS held
                  FROM customer_tiering_scorecard card
                       %(source)s
                 WHERE card.risk = ANY(%(levels)s)
                """,
            "segment": """
                SELECT card.partner_id, card.tier_id,
                       'segment:' || card.segment_id || ':' || card.segment_since AS event, %(quiet)s AS held
                  FROM customer_tiering_scorecard card
                       %(source)s
                 WHERE card.segment_since >= %(since)s
                """,
            # From the last contact or the last follow-up of this playbook, whichever is later; a customer
            # whom nobody ever contacted has been one since the first order.
            "contact": """
                SELECT card.partner_id, card.tier_id, 'contact:' || last.day AS event, FALSE AS held
                  FROM customer_tiering_scorecard card
             LEFT JOIN customer_tier tier ON tier.id = card.tier_id
    CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(%(contact_days)s, 0), NULLIF(tier.contact_days, 0)) AS days) allowed
    CROSS JOIN LATERAL (SELECT MAX(taken.planned_on) AS day,
                               BOOL_OR(taken.state IN ('waiting', 'held')
                                    OR taken.state = 'open' AND activity.active) AS busy
                          FROM customer_tiering_followup taken
                     LEFT JOIN mail_activity activity ON activity.id = taken.activity_id
                         WHERE taken.playbook_id = %(playbook)s AND taken.partner_id = card.partner_id
                       ) planned
    CROSS JOIN LATERAL (SELECT COALESCE(GREATEST(card.last_contact_date, planned.day), card.first_order_date) AS day
                       ) last
                       %(source)s
                 WHERE COALESCE(card.last_contact_date, card.first_order_date) + allowed.days <= %(as_of)s
                   AND last.day + allowed.days <= %(as_of)s
                   -- Not skipped later: the event would be used up until somebody contacts the customer.
                   AND COALESCE(planned.day + %(cooldown_days)s <= %(as_of)s, TRUE)
                   AND planned.busy IS NOT TRUE
                """,
            "anniversary": """
                SELECT card.partner_id, card.tier_id, 'anniversary:' || past.years AS event, FALSE AS held
                  FROM customer_tiering_scorecard card
    CROSS JOIN LATERAL (SELECT EXTRACT(YEAR FROM %(as_of)s::date)::int
                             - EXTRACT(YEAR FROM card.first_order_date)::int - back AS years
                          FROM generate_series(0, 1) back) past
                       %(source)s
                 WHERE past.years > 0
                   AND (card.first_order_date + make_interval(years => past.years))::date > %(after)s
                   AND (card.first_order_date + make_interval(years => past.years))::date <= %(as_of)s
                """,
            "first_order": """
                SELECT card.partner_id, card.tier_id, 'first_order' AS event, FALSE AS held
                  FROM customer_tiering_scorecard card
                       %(source)s
                 WHERE card.first_order_date >= %(since)s
                """,
        }
        return SQL("%s AND %s", SQL(queries[playbook.trigger], **parameters), SQL(" AND ").join(conditions))

    @api.model
    def _get_still_query(self, playbook):
        """Return the SQL condition that the reason of a row (``followup``) still holds; ``card`` is the
        customer's scorecard, if there is one.

        A row from before the playbook got another trigger cannot be judged by the present one, so its reason holds.
        """
        holds = {
            **dict.fromkeys(MOVES, "card.tier_id = followup.tier_id"),
            "pending": "followup.event = 'pending:' || card.pending_date",
            "risk": "followup.event = 'risk:' || card.last_order_date AND card.risk != 'none'",
            "segment": "card.segment_id = split_part(followup.event, ':', 2)::int",
            "contact": "COALESCE(card.last_contact_date < followup.date, TRUE)",
            "anniversary": "TRUE",
            "first_order": "TRUE",
        }
        return SQL(
            # A CASE, because PostgreSQL may look at the conditions of an AND in any order.
            "COALESCE(card.policy_id = %s AND CASE split_part(followup.event, ':', 1) WHEN %s THEN %s ELSE TRUE END, "
            "FALSE)",
            playbook.policy_id.id,
            "change" if playbook.trigger in MOVES else playbook.trigger,
            SQL(holds[playbook.trigger]),
        )

    @api.model
    def _get_filter_query(self, playbook):
        """Return the SQL condition that the playbook, which may have been edited, is still for what waits.

        Of a customer who has left a tier it is not known which one that was, so these stay.
        """
        tiers, segments = playbook.with_context(active_test=False).tier_ids.ids, playbook.segment_ids.ids
        conditions = [SQL("TRUE")]
        if tiers and playbook.trigger not in ("up", "down"):
            conditions.append(
                SQL("%s = ANY(%s)", SQL("followup.tier_id" if playbook.trigger == "enter" else "card.tier_id"), tiers)
            )
        if segments:
            conditions.append(SQL("card.segment_id = ANY(%s)", segments))
        if playbook.trigger == "risk" and playbook.risk_level != "watch":
            conditions.append(SQL("card.risk = ANY(%s)", [*RISK_LEVELS[playbook.risk_level], "lost"]))
        return SQL("COALESCE(%s, FALSE)", SQL(" AND ").join(conditions))

    # ------------------------------------------------------------------
    # Plan: the job
    # ------------------------------------------------------------------

    @api.model
    def _cron_process(self):
        """Close what is not needed any more and plan what waits, playbook by playbook."""
        cron = self.env["ir.cron"]
        # Archived ones too: what they left open is closed when its reason goes.
        playbooks = self.env["customer.tiering.playbook"].with_context(active_test=False).search([])
        cron._commit_progress(remaining=len(playbooks))
        for left, playbook in zip(reversed(range(len(playbooks))), playbooks, strict=True):
            # Odoo calls the job again when time is up; what is done stays done.
            while done := self._process_and_commit(playbook):
                if not cron._commit_progress(done, remaining=left + 1):
                    return
            if not cron._commit_progress(remaining=left):
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
            self.env.cr.rollback()
            _logger.exception("Follow-ups of playbook %s could not be planned", playbook.id)
        return 0

    @api.model
    def _process(self, playbook, as_of):
        """Close and plan up to ``BATCH`` follow-ups in the present transaction.

        :param as_of: a ``datetime.date``, "today"
        :return: how many; there may be more until it is 0
        """
        if not self._try_lock(playbook.company_id):  # another worker is at it
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
            remark = self.with_context(lang=lang)._get_gone_message(playbook)
            # Not as done: nobody did it, and no next activity follows.
            ours.write({"active": False, "feedback": remark})
        bodies = defaultdict(Markup)
        for activity in activities:
            bodies[activity.res_id] = Markup("<p>%s: %s</p>") % (activity.display_name, activity.feedback)
        self.env["res.partner"].browse(bodies)._message_log_batch(bodies=bodies)
        followups.write({"state": "closed", "problem": "gone"})
        return len(rows)

    def _get_gone_message(self, playbook):
        return {
            "enter": self.env._("Closed: the customer is not in this tier any more."),
            "up": self.env._("Closed: the customer is not in this tier any more."),
            "down": self.env._("Closed: the customer is not in this tier any more."),
            "pending": self.env._("Closed: the downgrade is off, or it has happened."),
            "risk": self.env._("Closed: the customer has bought, or is not at risk any more."),
            "segment": self.env._("Closed: the customer is not in this segment any more."),
            "contact": self.env._("Closed: there was a contact with the customer."),
        }.get(playbook.trigger, self.env._("Closed: not a customer of this policy any more."))

    def _plan(self, playbook, as_of):
        """Create the activities and e-mails of up to ``BATCH`` waiting follow-ups; return how many were done."""
        self._skip(playbook, as_of)
        chosen, problems = self._choose(playbook, as_of, most=BATCH)
        self._note_problems(problems)
        done = self._create_activities(playbook, as_of, chosen)
        done += self._send_mails(as_of, chosen)
        playbook.invalidate_recordset(["waiting_count", "open_count", "problem"], flush=False)
        return done

    def _skip(self, playbook, as_of):
        """Skip what waits and must not be done, with the reason."""
        self.env.flush_all()
        reasons = [
            SQL("WHEN step.id IS NULL OR step.kind = 'plan' AND followup.plan_template_id IS NULL THEN 'step_deleted'"),
            SQL("WHEN NOT %s THEN 'gone'", self._get_still_query(playbook)),
            SQL("WHEN NOT %s THEN 'filtered'", self._get_filter_query(playbook)),
        ]
        if playbook.only_without_open:
            reasons.append(
                SQL(
                    """WHEN EXISTS (SELECT FROM customer_tiering_followup other
                                      JOIN mail_activity activity ON activity.id = other.activity_id AND activity.active
                                     WHERE other.playbook_id = followup.playbook_id AND other.state = 'open'
                                       AND other.partner_id = followup.partner_id AND other.event != followup.event)
                       THEN 'already_open'"""
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
                SQL(" ").join(reasons),
                playbook.id,
            )
        )
        self.invalidate_model(flush=False)

    def _choose(self, playbook, as_of, most=None):
        """Choose who comes next, and who does it, the customers with the highest score first.

        :param most: choose no more than so many follow-ups; all when left out
        :return: ``([(follow-up ids, partner id, user)], {problem: follow-up ids})``; all that one event asks for is
            chosen together
        """
        if problem := next(filter(None, (step._get_problem(as_of) for step in playbook.step_ids)), None):
            waiting = self.search([("playbook_id", "=", playbook.id), ("state", "=", "waiting")])
            return [], {problem: waiting.ids}
        people = self._get_people(playbook, as_of)
        chosen, problems = [], defaultdict(list)
        today_left = (playbook.day_limit or float("inf")) - people.planned_today
        partners, size = set(), 0
        for ids, partner_id, candidates in self._get_waiting(playbook):
            if (playbook.only_without_open or playbook.cooldown_days) and partner_id in partners:
                continue  # a second event of the same customer: judged when the first is planned
            if today_left <= 0:
                problems["day_limit"] += ids
                continue
            user, problem = people.choose(candidates)
            if problem:
                problems[problem] += ids
                continue
            if most and size and size + len(ids) > most:
                break
            people.take(user)
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
                     WHERE buyer.commercial_partner_id = customer.id AND placed.company_id = %s
                       AND placed.state = 'sale'
                  ORDER BY placed.date_order DESC, placed.id DESC LIMIT 1)""",
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

    def _get_people(self, playbook, as_of):
        """Return who can do it, with what everybody has to do already."""
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
                        SELECT activity.user_id, 0, COUNT(DISTINCT (partner_id, event))
                          FROM customer_tiering_followup followup
                          JOIN mail_activity activity ON activity.id = followup.activity_id AND activity.active
                         WHERE playbook_id = %(playbook)s
                      GROUP BY activity.user_id) counted
              GROUP BY user_id
                """,
                as_of=as_of,
                playbook=playbook.id,
            )
        )
        members = playbook._get_able(playbook.team_id.crm_team_member_ids.user_id)
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
        return People(
            playbook,
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
        rows, values = [], []
        for ids, partner_id, user in chosen:
            for followup in self.browse(ids).with_prefetch(followups._prefetch_ids):
                step = followup.step_id.with_context(lang=user.lang)
                template = followup.plan_template_id.with_context(lang=user.lang)
                if step.kind == "mail":
                    continue
                source = template or step
                named = template.responsible_id if template.responsible_type == "other" else user
                responsible = playbook._get_able(named) or user
                rows.append(followup.id)
                values.append(
                    {
                        "res_model_id": model_id,
                        "res_id": partner_id,
                        "activity_type_id": source.activity_type_id.id,
                        "summary": texts.render(partner_id, user.lang, source.summary),
                        "note": texts.render_html(partner_id, user.lang, source.note),
                        "date_deadline": self._get_plan_date(template, due[followup.step_id]),
                        "user_id": responsible.id,
                        "automated": True,
                    }
                )
        # One notification per activity would take minutes; the systray counts them anyway.
        activities = self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(values)
        self._set_planned(self.browse(rows), as_of, activities)
        return len(rows)

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
        addresses = followups.partner_id.mapped("email_normalized")
        refused = set(self.env["mail.blacklist"].sudo().search([("email", "in", addresses)]).mapped("email"))
        for step, ours in followups.grouped("step_id").items():
            missing = ours.filtered(lambda followup: not followup.partner_id.email_normalized)
            unsubscribed = (ours - missing).filtered(lambda followup: followup.partner_id.email_normalized in refused)
            missing.write({"state": "skipped", "problem": "no_address"})
            unsubscribed.write({"state": "skipped", "problem": "unsubscribed"})
            mailed = ours - missing - unsubscribed
            date = step._get_due_date(as_of)
            without = self._queue_mails(step.mail_template_id, mailed.partner_id, date > as_of and date)
            failed = mailed.filtered_domain([("partner_id", "in", without.ids)])
            failed.write({"state": "skipped", "problem": "mail_failed"})
            mailed -= failed
            mailed.write({"state": "mailed", "problem": False, "planned_on": as_of, "date_deadline": date})
            for user, theirs in mailed.grouped(lambda followup: users[followup.id]).items():
                theirs.user_id = user
        return len(followups)

    def _queue_mails(self, template, partners, date):
        """Queue an e-mail to each of ``partners``, to be sent on ``date``, if any; return to whom it failed."""
        # An e-mail that goes out by itself is no contact with the customer.
        values = {"message_type": "auto_comment", **({"scheduled_date": date} if date else {})}
        try:
            with self.env.cr.savepoint():
                template.send_mail_batch(partners.ids, email_values=values)
        except RETRYABLE:
            raise
        except Exception as error:
            if len(partners) > 1:  # only those that are to blame
                return partners.browse().union(*(self._queue_mails(template, partner, date) for partner in partners))
            _logger.warning("E-mail template %s failed for customer %s: %s", template.id, partners.id, error)
            return partners
        return partners.browse()
