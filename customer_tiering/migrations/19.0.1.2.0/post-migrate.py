from odoo import SUPERUSER_ID, api
from odoo.fields import Command

# Days between contacts of four tiers, the highest first, as a new policy has them.
CONTACT_DAYS = (14, 30, 60, 0)


def migrate(cr, version):
    """Give the policies what they did not have: playbooks, days between contacts, a churn warning in their versions."""
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    for policy in env["customer.tiering.policy"].search([("is_simulation", "=", False)]):
        tiers = policy.tier_ids.filtered("active")
        if len(tiers) == len(CONTACT_DAYS) and not any(tiers.mapped("contact_days")):
            for tier, days in zip(tiers, CONTACT_DAYS, strict=True):
                tier.contact_days = days
        if not policy.playbook_ids:
            values = env["customer.tiering.playbook"]._get_default_values()
            policy.playbook_ids = [
                Command.create({"sequence": sequence, **playbook}) for sequence, playbook in enumerate(values, 1)
            ]
    env.flush_all()
    # No later than lost, which the policy already says.
    cr.execute("UPDATE customer_tiering_policy SET risk_high = lifecycle_lost WHERE risk_high > lifecycle_lost")
    cr.execute("UPDATE customer_tiering_policy SET risk_watch = risk_high * 0.6 WHERE risk_watch >= risk_high")
    env.invalidate_all()
    # What a version says it was computed with has grown; else the next run would take it for other rules.
    for old in env["customer.tiering.policy.version"].search([]):
        if "risk" not in old.rules["rules"]:
            policy = old.policy_id
            risk = {
                "watch_lateness": policy.risk_watch,
                "high_lateness": policy.risk_high,
                "silent_days": policy.risk_silent_days,
            }
            old.rules = {**old.rules, "rules": {**old.rules["rules"], "risk": risk}}
    # The scripts that come next read and write by SQL.
    env.flush_all()
    env.invalidate_all()
