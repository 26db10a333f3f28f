from odoo.fields import Command

from odoo.addons.customer_tiering.tests.common import PLAIN, TieringCommon

MAILING = "mass_mailing.group_mass_mailing_user"
SALES = "sales_team.group_sale_salesman_all_leads"


class MailingCommon(TieringCommon):
    """Two companies, neither of which is that of OdooBot, with customers whose tier differs between them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Nothing that was queued before goes out with the tests' own.
        cls.env["mailing.mailing"].search([("state", "in", ("in_queue", "sending"))]).state = "draft"
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.other.partner_id.tz = "UTC"
        cls.env.user.company_ids |= cls.other
        cls.other_policy = cls.other.tiering_policy_ids
        cls.other_policy.write({"recalibrate_days": 0, **PLAIN})
        cls.marketer = cls.new_user("tiering_marketer", f"{MAILING},{SALES}", email="marketer@example.com")
        cls.marketer.company_ids |= cls.other
        cls.mailer = cls.new_user("tiering_mailer", MAILING, email="mailer@example.com")
        # By fixed bands twelve orders lately make Platinum, one long ago Bronze.
        cls.here = cls.firm("Here")
        cls.there = cls.firm("There")
        cls.both = cls.firm("Both")
        cls.neither = cls.firm("Neither")
        for who, company, days in (
            (cls.here, cls.company, range(12)),
            (cls.here, cls.other, [300]),
            (cls.there, cls.company, [300]),
            (cls.there, cls.other, range(12)),
            (cls.both, cls.company, range(12)),
            (cls.both, cls.other, range(12)),
            (cls.neither, cls.company, [300]),
            (cls.neither, cls.other, [300]),
        ):
            for ago in days:
                cls.order(who, ago, company_id=company.id)
        cls.compute()
        cls.compute(policy=cls.other_policy)
        cls.platinum = cls.policy.tier_ids.filtered(lambda tier: tier.name == "Platinum")
        cls.other_platinum = cls.other_policy.tier_ids.filtered(lambda tier: tier.name == "Platinum")

    @classmethod
    def firm(cls, name):
        """A company with an address and two contacts with one."""
        word = name.lower()
        return cls.new_customer(
            name,
            is_company=True,
            email=f"office@{word}.example.com",
            child_ids=[
                Command.create({"name": f"{person} of {name}", "email": f"{person}@{word}.example.com"})
                for person in ("ann", "bob")
            ],
        )

    @classmethod
    def open(cls, action, user=None, company=None, **values):
        """The mailing that people get who click on a button and save, with ``values``."""
        env = cls.env(user=user or cls.marketer, context={"allowed_company_ids": (company or cls.company).ids})
        mailings = env["mailing.mailing"].with_context(**action["context"])
        return mailings.create({"subject": "News", "body_arch": "<p>News</p>", "body_html": "<p>News</p>", **values})

    @classmethod
    def to_tier(cls, tier, **values):
        """A mailing to a tier, as its button opens it."""
        companies = cls.company | cls.other
        tier = tier.with_user(cls.marketer).with_context(allowed_company_ids=companies.ids)
        return cls.open(tier.action_tiering_mailing(), **values)

    @classmethod
    def to_filter(cls, domain, user=None, company=None, **values):
        """A mailing to a filter of contacts that somebody typed."""
        model_id = cls.env["ir.model"]._get_id("res.partner")
        values = {"mailing_model_id": model_id, "mailing_domain": repr(domain), **values}
        return cls.open({"context": {}}, user, company, **values)

    def send(self, *mailings):
        """Queue mailings as people do, and let the scheduled job of OdooBot send them."""
        for mailing in mailings:
            mailing.action_launch()
        self.run_job()

    def run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref("mass_mailing.ir_cron_mass_mailing_queue").method_direct_trigger()

    def reached(self, mailing):
        """To whom a mailing was sent."""
        traces = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])
        return self.env["res.partner"].browse(
            traces.filtered(lambda trace: trace.trace_status != "cancel").mapped("res_id")
        )
