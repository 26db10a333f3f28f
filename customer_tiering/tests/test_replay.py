from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..models import customer_tiering_replay
from .common import AS_OF, TieringCommon

NIGHTS = 8
MODELS = ("customer.tiering.replay", "customer.tiering.replay.line")


@tagged("post_install", "-at_install")
class TestReplay(TieringCommon):
    """A policy says how many would have moved in its last nights, and who."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.window_days = 30
        # Nine who buy on days of their own, so that they pass each other.
        cls.customers = [
            cls.buyer(f"Customer {number}", *range(number % 4, 60, 3 + number), amount=50.0 + 10 * number)
            for number in range(9)
        ]
        # Ann had one large order, which leaves the window three nights ago.
        cls.ann = cls.buyer("Ann", 33, amount=5000.0)
        cls.order(cls.ann, 45, amount=10.0)
        cls.startClassPatcher(patch.object(customer_tiering_replay, "NIGHTS", NIGHTS))
        cls.startClassPatcher(freeze_time(f"{AS_OF} 12:00:00"))

    def _as_manager(self, policy=None):
        return (policy or self.policy).with_user(self.manager)

    def _replay(self, policy=None):
        """Have a manager replay a policy; return the replay."""
        policy = self._as_manager(policy)
        policy.action_replay()
        policy.invalidate_recordset()
        return self.policy.replay_ids

    def _moves(self, replay):
        return {line.partner_id.name: (line.from_tier_id.name, line.to_tier_id.name) for line in replay.line_ids}

    # ------------------------------------------------------------------
    # What it says
    # ------------------------------------------------------------------

    def _compare_with_runs(self, recalibrate_days):
        self.policy.recalibrate_days = recalibrate_days
        self.policy.tier_ids.grace_days = 2
        replay = self._replay()
        for ago in range(NIGHTS, -1, -1):
            self.compute(AS_OF - timedelta(days=ago))
        found = self.env["customer.tier.change"].search(
            [("company_id", "=", self.company.id), ("direction", "in", ("up", "down"))], order="date, id"
        )
        counts, moves = {}, {}
        for change in found:
            name = change.partner_id.name
            counts[name] = counts.get(name, 0) + 1
            first = moves[name][0] if name in moves else change.from_tier_id.name
            moves[name] = (first, change.to_tier_id.name)
        self.assertEqual(self._moves(replay), moves)
        self.assertEqual({line.partner_id.name: line.move_count for line in replay.line_ids}, counts)
        self.assertIn("Ann", moves)  # money that lies before the window of today counted then
        self.assertGreater(len(moves), 2)

    def test_a_replay_moves_those_whom_runs_on_these_nights_move(self):
        self._compare_with_runs(recalibrate_days=0)

    def test_and_those_whom_runs_move_that_compare_now_and_then(self):
        self._compare_with_runs(recalibrate_days=3)

    def test_the_sentence_counts_customers(self):
        replay = self._replay()
        moved, back = len(replay.line_ids), len(replay.line_ids.filtered("there_and_back"))
        policy = self._as_manager()
        self.assertTrue(
            policy.calm_text.startswith(
                f"With these rules {moved} of 10 customers would have moved in the last {NIGHTS} days. "
                f"There and back: {back}. With other prices: 0. On average "
            ),
            policy.calm_text,
        )
        self.assertEqual(policy.calm_state, "done")
        self.assertEqual(policy.calm_note, "As of 06/30/2026.")

    def test_nobody_moves_where_there_is_one_tier(self):
        self.policy.tier_ids[:-1].unlink()
        self._replay()
        self.assertEqual(
            self._as_manager().calm_text,
            f"With these rules nobody of 10 customers would have moved in the last {NIGHTS} days.",
        )

    def test_nobody_has_bought(self):
        self.policy.partner_domain = "[('name', '=', 'Nobody')]"
        self._replay()
        self.assertEqual(self._as_manager().calm_text, "No customer has a tier yet, so there is nothing to replay.")

    def test_other_prices_are_of_those_for_whom_nobody_has_chosen_a_pricelist(self):
        self.env.ref("base.group_user")._apply_group(self.env.ref("product.group_product_pricelist"))
        self.policy.tier_ids[-1].pricelist_id = self.env["product.pricelist"].create(
            {"name": "Bronze", "company_id": self.company.id}
        )
        moved = self._replay().line_ids.filtered("repriced").partner_id
        self.assertIn(self.ann, moved)  # into or out of the lowest tier
        own = self.env["product.pricelist"].create({"name": "Own", "company_id": self.company.id})
        self.ann.with_company(self.company).specific_property_product_pricelist = own
        self.assertEqual(self._replay().line_ids.filtered("repriced").partner_id, moved - self.ann)
        self.assertEqual(self.policy.replay_ids.result["repriced"], len(moved) - 1)

    def test_a_lock_holds_all_the_time(self):
        self.assertIn("Ann", self._moves(self._replay()))
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.ann.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Why", "mode": "fixed"}
        )
        self.assertNotIn("Ann", self._moves(self._replay()))

    def test_a_larger_base_is_replayed_by_a_sample_which_says_so(self):
        with (
            patch.object(customer_tiering_replay, "MOST_CUSTOMERS", 9),
            patch.object(customer_tiering_replay, "SAMPLED_CUSTOMERS", 4),
        ):
            self._replay()
        self.assertIn("of 4 customers", self._as_manager().calm_text)
        self.assertTrue(
            self._as_manager().calm_text.endswith(
                "These are a random sample of all 10 customers, compared with each other only."
            )
        )

    def test_changed_rules_are_told_beside_what_was_found_by_the_earlier_ones(self):
        self.assertEqual(self._as_manager().calm_state, "new")
        self._replay()
        self.policy.tier_ids[0].entry_floor = 81
        policy = self._as_manager()
        policy.invalidate_recordset()
        self.assertEqual(policy.calm_state, "stale")
        self.assertEqual(policy.calm_note, "As of 06/30/2026; the rules were changed since. Replay them again.")
        self.assertTrue(policy.calm_text)
        self.policy.tier_ids[0].entry_floor = 80
        policy.invalidate_recordset()
        self.assertEqual(policy.calm_state, "done")
        self.policy.recalibrate_days = 1
        policy.invalidate_recordset()
        self.assertEqual(policy.calm_state, "stale")

    def test_to_open_a_policy_computes_nothing(self):
        self._replay()
        policy = self._as_manager()
        with patch.object(type(self.env["customer.tiering.replay"]), "_compute", side_effect=AssertionError):
            self.assertTrue(policy.calm_text)

    def test_a_replay_changes_nothing_that_counts(self):
        self.compute()
        before = self.card(self.ann).read(["tier_id", "score", "digest"])
        runs, changes = self.policy.run_ids, self.env["customer.tier.change"].search([])
        self._replay()
        self.env.invalidate_all()
        self.assertEqual(self.card(self.ann).read(["tier_id", "score", "digest"]), before)
        self.assertEqual((self.policy.run_ids, self.env["customer.tier.change"].search([])), (runs, changes))

    def test_a_simulation_says_how_calm_its_values_are(self):
        self._replay()
        action = self._as_manager().action_simulate()
        draft = self.env["customer.tiering.policy"].with_user(self.manager).browse(action["res_id"])
        self.assertEqual(draft.calm_state, "new")
        draft.tier_ids[:-1].unlink()
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        self.assertIn("nobody of 10 customers", draft.calm_text)
        self.assertIn("would have moved", self._as_manager().calm_text)
        draft.action_simulation_discard()
        replays = self.env["customer.tiering.replay"].search([("company_id", "=", self.company.id)])
        self.assertEqual(replays.policy_id, self.policy)

    # ------------------------------------------------------------------
    # The advisor
    # ------------------------------------------------------------------

    def _advise(self, target=0.5):
        action = self._as_manager().action_advise()
        advice = self.env[action["res_model"]].with_user(self.manager).browse(action["res_id"])
        self.assertFalse(advice.protection_ids, "replayed only when somebody asks for it")
        advice.target = target
        self.assertEqual(advice.action_protect()["res_id"], advice.id)
        return advice

    def test_the_advisor_replays_protections_from_none_on(self):
        self.policy.tier_ids.write({"keep_margin": 3, "grace_days": 7})
        lines = self._advise().protection_ids
        self.assertEqual(lines[0].title, "As it is now")
        self.assertEqual(lines[1].title, "Nothing protects from moving.")
        self.assertEqual(
            lines[2].title,
            "A customer stays in a tier down to 3 points below its floor. A downgrade is announced 7 days before.",
        )
        self.assertEqual(
            lines[0].read(["moved_share", "back_share", "highest"], load=None)[0] | {"id": 0},
            lines[2].read(["moved_share", "back_share", "highest"], load=None)[0] | {"id": 0},
        )
        result = self._replay().result
        self.assertAlmostEqual(lines[0].moved_share, result["moved_share"], places=2)
        self.assertEqual(lines[1].highest, 1)
        self.assertGreater(lines[1].moved_share, lines[2].moved_share)

    def test_the_advisor_proposes_the_mildest_that_reaches_the_target(self):
        lines = self._advise(target=100).protection_ids
        self.assertEqual(lines.filtered("proposed"), lines[1], "nothing is calm enough")
        self.assertEqual(
            lines.advisor_id.protection_note,
            "The rules as they are now are calm enough: nothing has to change. "
            "The rule in green is the mildest one that is calm enough and keeps each tier near the size that the "
            "scores alone give it.",
        )
        second = lines[2].moved_share
        advice = self._advise(target=second + 0.01)
        self.assertEqual(advice.protection_ids.filtered("proposed"), advice.protection_ids[2])

    def test_proposed_limits_have_their_unit(self):
        advice = self._advise()
        self.assertEqual(advice._format_bands([30, 90.5], "days"), "30 / 90.50 days")
        self.assertEqual(advice._format_bands([10, 20], "percent"), "10 / 20%")
        self.assertEqual(advice._format_bands([2, 3], "count"), "2 / 3")
        self.assertIn(self.company.currency_id.symbol, advice._format_bands([25], "money"))

    def test_what_is_accepted_is_in_the_policy(self):
        advice = self._advise()
        line = advice.protection_ids[3]
        line.action_accept()
        self.assertEqual(set(self.policy.tier_ids.mapped("keep_margin")), {3})
        self.assertEqual(set(self.policy.tier_ids.mapped("grace_days")), {14})
        self.assertEqual((self.policy.grace_days, self.policy.enter_margin, self.policy.upgrade_days), (14, 3, 3))
        self.assertEqual(advice.protection_ids.filtered("accepted"), line)
        self.assertAlmostEqual(self._replay().result["moved_share"], line.moved_share, places=2)

    def test_what_comes_back_from_the_browser_is_worked_out_again(self):
        line = self._advise().protection_ids[1]
        with self.assertRaises(AccessError):
            line.write({"step": 99})
        line.sudo().step = 99
        with self.assertRaisesRegex(UserError, "changed since"):
            line.action_accept()
        with self.assertRaises(AccessError):
            line.with_user(self.salesperson).action_accept()

    # ------------------------------------------------------------------
    # In the background
    # ------------------------------------------------------------------

    def _wait(self):
        """Have a manager ask for a replay of a large base; return the replay, which waits."""
        with patch.object(customer_tiering_replay, "DIRECT_LIMIT", 0):
            action = self._as_manager().action_replay()
        self.assertIn("starts in a moment", action["params"]["message"])
        replay = self.policy.replay_ids
        self.assertEqual(replay.state, "queued")
        return replay

    def _trigger(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_replay").method_direct_trigger()
        self.env.invalidate_all()

    def test_a_large_base_is_replayed_in_the_background(self):
        expected = self._moves(self._replay())
        replay = self._wait()
        policy = self._as_manager()
        self.assertEqual(policy.calm_state, "waiting")
        self.assertEqual(policy.calm_note, "The last nights are being replayed: 0%.")
        self.assertTrue(policy.calm_text, "what is known is shown meanwhile")
        with patch.object(customer_tiering_replay, "TOLD_EVERY", 0.0):
            self._trigger()
        self.assertEqual((replay.state, replay.progress, replay.attempts), ("done", 100, 1))
        self.assertEqual(self._moves(replay), expected)

    def test_progress_is_told_while_it_goes_on(self):
        replay = self._wait()
        told = []
        tell = type(replay)._get_teller

        def get_teller(replay):
            inner = tell(replay)

            def outer(night):
                inner(night)
                told.append(replay.progress)

            return outer

        with (
            patch.object(customer_tiering_replay, "TOLD_EVERY", 0.0),
            patch.object(type(replay), "_get_teller", get_teller),
        ):
            self._trigger()
        self.assertEqual(told, [100 * night // NIGHTS for night in range(1, NIGHTS + 1)])

    @mute_logger("odoo.addons.customer_tiering.models.customer_tiering_queued")
    def test_a_failure_is_one_sentence_and_what_was_known_stays(self):
        expected = self._moves(self._replay())
        replay = self._wait()
        with patch.object(type(self.policy), "_read_history", side_effect=UserError("Something is missing.")):
            self._trigger()
        policy = self._as_manager()
        self.assertEqual(policy.calm_state, "failed")
        self.assertEqual(policy.calm_note, "The last replay failed: Something is missing.")
        self.assertEqual(self._moves(replay), expected)
        self._wait()
        self._trigger()
        self.assertEqual(self._as_manager().calm_state, "done")

    @mute_logger("odoo.addons.customer_tiering.models.customer_tiering_queued")
    def test_what_ends_its_server_again_and_again_is_given_up(self):
        replay = self._wait()
        replay.attempts = 3
        self._trigger()
        self.assertEqual(replay.state, "failed")
        self.assertIn("3 times during this replay", replay.error)

    def test_a_policy_that_is_deleted_meanwhile_takes_its_replay_along(self):
        replay = self._wait()
        self.policy.unlink()
        self._trigger()
        self.assertFalse(replay.exists())

    def test_a_replay_does_not_wait_for_a_run(self):
        # Another transaction computes the customers of the company.
        with self.registry.cursor() as other:
            other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [1_953_065_321, self.company.id])
            self.assertEqual(self._replay().state, "done")

    # ------------------------------------------------------------------
    # Who may
    # ------------------------------------------------------------------

    def test_only_managers_replay_and_see_what_it_found(self):
        self._replay()
        policy = self.policy.with_user(self.salesperson)
        with self.assertRaises(AccessError):
            policy.action_replay()
        for fname in ("calm_text", "calm_note", "calm_state", "replay_ids"):
            with self.assertRaises(AccessError):
                policy.read([fname])
        for model in MODELS:
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.salesperson).search([])
            records = self.env[model].with_user(self.manager).search([])
            self.assertTrue(records)
            for operation in ("write", "create", "unlink"):
                self.assertFalse(records.has_access(operation), (model, operation))
        with self.assertRaises(AccessError):
            self.policy.replay_ids.with_user(self.manager).read(["result"])

    def test_managers_of_other_companies_see_nothing_of_it(self):
        self._replay()
        other = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", other)
        env = self.env(user=stranger, context={})
        for model in MODELS:
            self.assertFalse(env[model].search([]))
        with self.assertRaises(AccessError):
            self.policy.with_env(env).action_replay()

    def test_the_list_is_that_of_the_policy(self):
        replay = self._replay()
        action = self._as_manager().action_open_calm()
        lines = self.env[action["res_model"]].with_user(self.manager).search(action["domain"])
        self.assertEqual(lines, replay.line_ids)
        self.assertTrue(lines)
