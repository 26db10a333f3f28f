"""What starts playbooks: a class per trigger, built around one playbook.

Another module adds a trigger with a value of the playbook's field and a class of its own::

    class CustomerTieringPlaybook(models.Model):
        _inherit = "customer.tiering.playbook"

        trigger = fields.Selection(selection_add=[("visit", "Visit to the shop")], ondelete={"visit": "cascade"})

        @api.model
        def _get_trigger_classes(self):
            return {**super()._get_trigger_classes(), "visit": Visit}


    class Visit(triggers.Trigger):
        kind = "visit"
        detail = SQL("visit.id")

        def get_joins(self, scan):
            return SQL("JOIN shop_visit visit ON visit.partner_id = card.partner_id")

        def get_condition(self, scan):
            return SQL("visit.date >= %s", scan.since)

An event keeps its name as long as it is the same, because a playbook takes an event of a customer once; and one search
must not find it twice. In all SQL here ``card`` is the customer's scorecard, and ``followup`` a follow-up that waits or
is open; by then there may be no scorecard any more.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from odoo.tools import SQL

# Why a customer moved: these are events in the customer's life; those of the policy (rules, comparison) are held back.
OWN_REASONS = ("score", "share", "condition", "cluster", "instant", "first")
POLICY_REASONS = ("rules", "calibration")
# Who has left a firm to stand on its own: not new, it has bought there.
HAS_LEFT_A_FIRM = SQL(
    "EXISTS (SELECT FROM customer_tiering_former former"
    " WHERE former.partner_id = card.partner_id AND former.customer_id != card.partner_id)"
)
# What happened longer ago than this when it became known, such as by an import, is no news.
NEWS_DAYS = 30


@dataclass(frozen=True)
class Scan:
    """One search for events.

    :param as_of: today
    :param since: what happened on this day or later counts
    :param after: of what comes with the calendar, the days after this one count; None where that is not looked for
    :param last_change_id: the changes of tier after this one count
    :param source: SQL that joins what restricts the scorecards, or nothing
    :param quiet: SQL condition: what is new about the customer comes from the policy, not from the customer
    """

    as_of: date
    since: date
    after: date | None
    last_change_id: int
    source: SQL
    quiet: SQL

    @property
    def is_new(self):
        """SQL condition that the customer's first order is news: an event is of the day on which it happened, not of
        the day on which an old customer was entered here.

        What came in before a run that was late, or is looked for in the past, is news nevertheless.
        """
        oldest = self.as_of - timedelta(days=NEWS_DAYS)
        oldest = min(oldest, self.after) if self.after else oldest
        return SQL("COALESCE(card.first_order_date > %s, TRUE)", oldest)


class Trigger:
    """What starts a playbook, when that is over, and what the playbook must have for it.

    :param playbook: the ``customer.tiering.playbook``
    """

    # What the names of its events begin with, up to a colon.
    kind = None
    # SQL of the rest, which tells an event of a customer from the next one. None: there is only one in a lifetime.
    detail = None
    # SQL of the tier that a follow-up shows.
    tier = SQL("card.tier_id")
    # SQL of the tier that must be one of the playbook's when the event is found.
    wanted_tier = SQL("card.tier_id")
    # The same while the follow-up waits. None: it is not known any more, so it is not looked at again.
    waiting_tier = SQL("card.tier_id")
    # How customers are, not what happens to them: it holds of some when a playbook is switched on, and a preview
    # looks at them as they are instead of looking back.
    is_state = False
    # It comes with the calendar: only runs of all customers find it, not the scoring of single ones in between.
    follows_calendar = False
    # Found by the job that foresees, after a run, not in it.
    is_foreseen = False
    # The same event can be found again after a year, so that its follow-up must not be forgotten.
    may_recur = True
    # Nobody suffers from hearing nothing of it, so that some may be held out for comparison.
    may_hold_out = True
    # A purchase may bring it about, which may be of the day of the follow-up and is not what that does.
    may_follow_purchase = False

    def __init__(self, playbook):
        self.playbook = playbook
        self.env = playbook.env

    @property
    def event(self):
        """SQL of the event's name."""
        return SQL("%s || %s", f"{self.kind}:", self.detail) if self.detail else SQL("%s", self.kind)

    # What is to be overridden

    def get_joins(self, scan):
        """Return SQL that joins what else the condition and the event's name need."""
        return SQL()

    def get_condition(self, scan):
        """Return the SQL condition that there is an event."""
        raise NotImplementedError

    def get_held(self, scan):
        """Return the SQL condition that the event is held back, because it is no act of the customer's."""
        return scan.quiet

    def get_reason(self):
        """Return the SQL condition that the reason of ``followup``, of this kind, is still there."""
        return SQL("TRUE")

    def get_filter(self):
        """Return the SQL condition that the playbook, which may have been edited, is still for what waits."""
        return self._get_wanted(self.waiting_tier)

    def get_gone_message(self):
        """Return what an activity says that is closed because its reason is gone."""
        return self.env._("Closed: not a customer of this policy any more.")

    def get_definition_problem(self):
        """Return what to do before the playbook can be saved, as a sentence; False when nothing is missing."""
        return False

    def get_ready_problem(self):
        """Return what to do before the playbook can be switched on, as a sentence; False when nothing is missing."""
        return False

    # What follows from it

    def get_events(self, scan):
        """Return the SELECT of the events: ``partner_id``, ``tier_id``, ``event`` and ``held``."""
        return SQL(
            """
            SELECT card.partner_id, %(tier)s AS tier_id, %(event)s AS event, %(held)s AS held
              FROM customer_tiering_scorecard card
                   %(joins)s
                   %(source)s
             WHERE (%(condition)s) AND card.company_id = %(company)s AND card.policy_id = %(policy)s AND %(wanted)s
            """,
            tier=self.tier,
            event=self.event,
            held=self.get_held(scan),
            joins=self.get_joins(scan),
            source=scan.source,
            condition=self.get_condition(scan),
            company=self.playbook.company_id.id,
            policy=self.playbook.policy_id.id,
            wanted=self._get_wanted(self.wanted_tier),
        )

    def _get_wanted(self, tier):
        """Return the SQL condition that the playbook is for customers of ``tier``, SQL too, for their segment and what
        matters to them."""
        tiers = self.playbook.with_context(active_test=False).tier_ids.ids
        segments = self.playbook.segment_ids.ids
        motives = self.playbook.with_context(active_test=False).motive_ids.ids
        return SQL(
            "%s AND %s AND %s",
            SQL("%s = ANY(%s)", tier, tiers) if tiers and tier else SQL("TRUE"),
            SQL("card.segment_id = ANY(%s)", segments) if segments else SQL("TRUE"),
            SQL("card.motive_id = ANY(%s)", motives) if motives else SQL("TRUE"),
        )


class Move(Trigger):
    """The customer moves to another tier."""

    kind = "change"
    detail = SQL("change.id")
    tier = SQL("change.to_tier_id")
    may_recur = False
    directions = ()

    def get_joins(self, scan):
        return SQL(
            "JOIN customer_tier_change change ON change.partner_id = card.partner_id "
            "AND change.company_id = card.company_id AND change.policy_id = card.policy_id"
        )

    def get_condition(self, scan):
        return SQL(
            "change.id > %s AND change.date >= %s AND change.direction = ANY(%s) AND change.reason = ANY(%s)",
            scan.last_change_id,
            scan.since,
            list(self.directions),
            [*OWN_REASONS, *POLICY_REASONS],
        )

    def get_held(self, scan):
        return SQL("(%s OR change.reason = ANY(%s))", scan.quiet, list(POLICY_REASONS))

    def get_reason(self):
        return SQL("card.tier_id = followup.tier_id")

    def get_gone_message(self):
        return self.env._("Closed: the customer is not in this tier any more.")


class Enter(Move):
    """The customer reaches a tier."""

    directions = ("new", "up")
    may_follow_purchase = True
    wanted_tier = SQL("change.to_tier_id")
    waiting_tier = SQL("followup.tier_id")

    def get_condition(self, scan):
        # What comes from the policy is held back, and not forgotten.
        is_news = SQL("(change.reason != 'first' OR %s OR %s)", scan.is_new, scan.quiet)
        return SQL("%s AND %s", super().get_condition(scan), is_news)


class Leave(Move):
    """The customer leaves a tier."""

    wanted_tier = SQL("change.from_tier_id")
    waiting_tier = None


class Up(Leave):
    directions = ("up",)
    may_follow_purchase = True


class Down(Leave):
    directions = ("down",)


class Pending(Trigger):
    """A downgrade is announced."""

    kind = "pending"
    detail = SQL("card.pending_date")
    is_state = True
    may_recur = False
    may_hold_out = False

    def get_condition(self, scan):
        return SQL("card.pending_tier_id IS NOT NULL")

    def get_reason(self):
        return SQL("followup.event = %s", self.event)

    def get_gone_message(self):
        return self.env._("Closed: the downgrade is off, or it has happened.")


class Foreseen(Trigger):
    """A downgrade is foreseen in the coming weeks, if nothing more is ordered: once for each tier in the time between
    two orders. The day is not part of it, as what others buy can move it from night to night."""

    kind = "foreseen"
    detail = SQL("COALESCE(card.last_order_date::text, '') || ':' || fall.tier_id")
    is_state = True
    follows_calendar = True
    is_foreseen = True
    may_recur = False

    def get_joins(self, scan):
        return SQL(
            "JOIN customer_tiering_fall fall ON fall.partner_id = card.partner_id "
            "AND fall.company_id = card.company_id AND fall.policy_id = card.policy_id"
        )

    def get_condition(self, scan):
        return SQL("fall.date <= %s", scan.as_of + timedelta(weeks=self.playbook.weeks_ahead))

    def get_reason(self):
        # Another day is the same reason.
        return SQL(
            "EXISTS (SELECT FROM customer_tiering_fall fall WHERE fall.partner_id = card.partner_id"
            " AND fall.company_id = card.company_id AND fall.policy_id = card.policy_id AND fall.date IS NOT NULL)"
        )

    def get_gone_message(self):
        return self.env._("Closed: no downgrade is foreseen any more, or it has happened.")

    def get_ready_problem(self):
        policy = self.playbook.policy_id
        return not policy.foresees_falls and self.env._(
            "No downgrade is foreseen by “%(policy)s”. Switch on its “Foresee Downgrades” first.", policy=policy.name
        )


class Risk(Trigger):
    """The customer is at risk: once in the time between two orders."""

    kind = "risk"
    detail = SQL("card.last_order_date")
    is_state = True
    # From the level on that the playbook says; who is lost is a matter of its own.
    levels = {"watch": ("watch", "high"), "high": ("high",), "lost": ("lost",)}

    def get_condition(self, scan):
        return SQL("card.risk = ANY(%s)", list(self.levels[self.playbook.risk_level]))

    def get_reason(self):
        return SQL("followup.event = %s AND card.risk != 'none'", self.event)

    def get_filter(self):
        level = self.playbook.risk_level
        if level == "watch":
            return super().get_filter()
        return SQL("%s AND card.risk = ANY(%s)", super().get_filter(), [*self.levels[level], "lost"])

    def get_gone_message(self):
        return self.env._("Closed: the customer has bought, or is not at risk any more.")


class Segment(Trigger):
    """The customer enters a segment."""

    kind = "segment"
    detail = SQL("card.segment_id || ':' || card.segment_since")
    may_follow_purchase = True

    def get_condition(self, scan):
        return SQL(
            """card.segment_since >= %s AND (card.first_order_date IS NOT NULL OR NOT %s)
               AND (%s OR %s OR NOT EXISTS (SELECT FROM customer_tier_change first
                                       WHERE first.partner_id = card.partner_id AND first.company_id = card.company_id
                                         AND first.reason = 'first' AND first.date = card.segment_since))""",
            scan.since,
            HAS_LEFT_A_FIRM,
            scan.is_new,
            scan.quiet,
        )

    def get_reason(self):
        return SQL("card.segment_id = split_part(followup.event, ':', 2)::int")

    def get_gone_message(self):
        return self.env._("Closed: the customer is not in this segment any more.")

    def get_definition_problem(self):
        return not self.playbook.segment_ids and self.env._(
            "Choose at least one segment that starts “%(playbook)s”.", playbook=self.playbook.name
        )


class NoInteraction(Trigger):
    """For so many days nobody has been in touch with the customer.

    From the last interaction or the last follow-up of this playbook on, whichever is later; a customer without any has
    been one since the first order.
    """

    kind = "contact"
    detail = SQL("last.day")
    is_state = True
    follows_calendar = True

    def get_joins(self, scan):
        return SQL(
            """
             LEFT JOIN customer_tier tier ON tier.id = card.tier_id
    CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(%(days)s, 0), NULLIF(tier.contact_days, 0)) AS days) allowed
    CROSS JOIN LATERAL (SELECT MAX(taken.planned_on) AS day,
                               BOOL_OR(taken.state IN ('waiting', 'held')
                                    OR taken.state = 'open' AND activity.active) AS busy
                          FROM customer_tiering_followup taken
                     LEFT JOIN mail_activity activity ON activity.id = taken.activity_id
                         WHERE taken.playbook_id = %(playbook)s AND taken.partner_id = card.partner_id
                       ) planned
    CROSS JOIN LATERAL (SELECT COALESCE(GREATEST(card.last_contact_date, planned.day), card.first_order_date) AS day
                       ) last
            """,
            days=self.playbook.contact_days,
            playbook=self.playbook.id,
        )

    def get_condition(self, scan):
        return SQL(
            """
            COALESCE(card.last_contact_date, card.first_order_date) + allowed.days <= %(as_of)s
                   AND last.day + allowed.days <= %(as_of)s
                   -- Not skipped later: the event would be used up until somebody is in touch with the customer.
                   AND COALESCE(planned.day + %(cooldown_days)s <= %(as_of)s, TRUE)
                   AND planned.busy IS NOT TRUE
            """,
            as_of=scan.as_of,
            cooldown_days=self.playbook.cooldown_days,
        )

    def get_held(self, scan):
        return SQL("FALSE")

    def get_reason(self):
        return SQL("COALESCE(card.last_contact_date < followup.date, TRUE)")

    def get_gone_message(self):
        return self.env._("Closed: there was an interaction with the customer.")

    def get_ready_problem(self):
        tiers = self.playbook.tier_ids or self.playbook.policy_id.tier_ids
        if self.playbook.contact_days or any(tiers.mapped("contact_days")):
            return False
        return self.env._(
            "“%(playbook)s” does not know after how many days. Type the days without interaction here, "
            "or “Interaction Every” on the tiers.",
            playbook=self.playbook.name,
        )


class Anniversary(Trigger):
    """The first order was a number of years ago, to the day."""

    kind = "anniversary"
    detail = SQL("past.years")
    follows_calendar = True

    def get_joins(self, scan):
        return SQL(
            """
    CROSS JOIN LATERAL (SELECT EXTRACT(YEAR FROM %(as_of)s::date)::int
                             - EXTRACT(YEAR FROM card.first_order_date)::int - back AS years
                          FROM generate_series(0, 1) back) past
    CROSS JOIN LATERAL (SELECT (card.first_order_date + make_interval(years => past.years))::date AS day) anniversary
            """,
            as_of=scan.as_of,
        )

    def get_condition(self, scan):
        return SQL("past.years > 0 AND anniversary.day > %s AND anniversary.day <= %s", scan.after, scan.as_of)

    def get_held(self, scan):
        return SQL("FALSE")


class FirstOrder(Trigger):
    """The customer orders for the first time."""

    kind = "first_order"
    may_follow_purchase = True

    def get_condition(self, scan):
        return SQL("card.first_order_date >= %s AND %s AND NOT %s", scan.since, scan.is_new, HAS_LEFT_A_FIRM)

    def get_held(self, scan):
        return SQL("FALSE")
