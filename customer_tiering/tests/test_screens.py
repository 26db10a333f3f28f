import json

from odoo.tests import HttpCase, tagged
from odoo.tools.safe_eval import safe_eval

from .common import TieringCommon

# Opens one screen after the other, each with its tabs and its stat buttons, and complains about what a person would:
# an error, a page that is wider than the window, and nothing to see without a word why.
CODE = """
(async () => {
    const { rpcBus } = odoo.loader.modules.get("@web/core/network/rpc");
    const { action } = odoo.__WOWL_DEBUG__.root.env.services;
    const open = new Set();
    let screen;
    rpcBus.addEventListener("RPC:REQUEST", ({ detail }) => open.add(detail.data.id));
    rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => open.delete(detail.data.id));
    const frame = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), 20));
    const settle = async () => {
        for (let quiet = 0, tried = 0; quiet < 3; tried++) {
            if (tried > 500) {
                throw new Error("does not come to rest");
            }
            await frame();
            quiet = open.size || document.querySelector(".o_blockUI, .o_loading_indicator") ? 0 : quiet + 1;
        }
    };
    const look = async (name, isMain) => {
        screen = name;
        await settle();
        let complaint;
        for (let tried = 0; (complaint = complain(isMain)) && tried < 100; tried++) {
            await frame(); // what Odoo loads when it is needed is no request of its own
        }
        if (complaint) {
            throw new Error(complaint);
        }
    };
    const complain = (isMain) =>
        document.querySelector(".o_error_dialog, .modal .alert-danger")?.innerText ||
        (!document.querySelector(".o_action_manager .o_view_controller, .o_action_manager .o_tiering_report") &&
            "nothing has opened") ||
        (document.documentElement.scrollWidth > window.innerWidth && "is wider than the window") ||
        [...document.querySelectorAll(".o_form_sheet, .o_kanban_record")]
            .filter((part) => part.scrollWidth > part.clientWidth + 1)
            .map((part) => `${part.className} is ${part.scrollWidth - part.clientWidth} pixels too wide`)[0] ||
        (isMain && !document.querySelector(
            ".o_form_view, .o_data_row, .o_kanban_record:not(.o_kanban_ghost), .o_pivot_cell_value, canvas, " +
            ".o_activity_view, .o_view_nocontent p:not(:empty), .o_tiering_report p:not(:empty)"
        ) && "says nothing about why it is empty");
    const all = (selector) => [...document.querySelectorAll(`.o_action_manager ${selector}`)];
    try {
        for (const { id, name, view, resId } of %(screens)s) {
            screen = name;
            const go = () => action.doAction(id, {
                clearBreadcrumbs: true, viewType: view || undefined, props: resId ? { resId } : {},
                additionalContext: { active_id: %(customer)s }, // of actions that are opened from a customer
            });
            await go();
            await look(name, true);
            if (view !== "form") {
                continue;
            }
            for (const tab of all(".o_notebook_headers .nav-link").map((tab) => tab.name)) {
                all(`.o_notebook_headers .nav-link[name="${tab}"]`)[0].click();
                await look(`${name}, tab ${tab}`);
            }
            const buttons = all(".oe_stat_button[name]").map((button) => button.getAttribute("name"));
            for (const button of buttons) {
                await go();
                await settle();
                all(`.oe_stat_button[name="${button}"]`)[0].click();
                await look(`${name}, button ${button}`);
            }
        }
        console.log(`test successful`);
    } catch (error) {
        console.error(`${screen}: ${error.message}`);
    }
})();
"""
PHONE = "390x844"


@tagged("post_install", "-at_install")
class TestScreens(TieringCommon, HttpCase):
    """Every screen of ours opens, however much or little there is to see: all that the registry knows, so that one more
    is looked at by itself.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.new_user("tiering_screens", "base.group_system,sales_team.group_sale_manager")

    def _fill(self):
        """Customers in tiers, one about to fall, one at risk, one locked, and what else there is to show."""
        today = self.company._get_tiering_today()
        best, late, poor = (
            self.new_customer(name, is_company=True, user_id=self.person.id) for name in ("Best", "Late", "Poor")
        )
        for partner, days in ((best, range(1, 13)), (late, range(90, 150, 10)), (poor, (300,))):
            for ago in days:
                self.order(partner, when=self.noon(today, ago))
        self.policy.grace_days = 30
        self.compute(today)
        lock = {"partner_id": poor.id, "tier_id": self.policy.tier_ids[1].id, "reason": "Agreed"}
        self.env["customer.tiering.lock"].create([lock])
        playbook = self.policy.playbook_ids.filtered(lambda playbook: playbook.trigger == "risk")
        playbook.step_ids.day_kind = "calendar"
        playbook.with_user(self.person).action_enable()
        self.policy.action_simulate()
        self.compute(today)

    def _get_screens(self):
        """Return what there is to open: ``[{"id", "name", "view", "resId"}]``."""
        ours = self.env["ir.model.data"].search_fetch(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.actions.act_window")], ["res_id", "name"]
        )
        env = self.env(user=self.person)
        screens = []
        for data in ours:
            action = self.env["ir.actions.act_window"].browse(data.res_id)
            if action.target == "new" or action.binding_model_id:
                continue
            context = {"uid": self.person.id, "allowed_company_ids": self.company.ids, "active_id": 0}
            domain = safe_eval(action.domain or "[]", context)
            record = env[action.res_model].search(domain, limit=1)
            screens += [
                {"id": action.id, "name": f"{data.name} {view}", "view": view, "resId": record.id}
                for _id, view in action.views
                if view != "form" or record
            ]
        clients = self.env["ir.model.data"].search(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.actions.client")]
        )
        screens += [{"id": data.res_id, "name": data.name, "view": False, "resId": False} for data in clients]
        return screens

    def _open_all(self):
        screens = self._get_screens()
        self.assertGreater(len(screens), 30)
        code = CODE % {
            "screens": json.dumps(screens),
            "customer": self.company.partner_id.id,
        }
        with self.assertNoLogs("odoo.http", "WARNING"), self.assertNoLogs("odoo.sql_db", "ERROR"):
            self.browser_js(
                "/odoo/customer-tiering",
                code,
                ready="odoo.isReady === true && !!document.querySelector('.o_action_manager .o_view_controller')",
                login=self.person.login,
                timeout=180,
            )

    def test_every_menu_of_ours_leads_to_a_screen(self):
        menus = self.env["ir.model.data"].search(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.ui.menu")]
        )
        actions = self.env["ir.ui.menu"].browse(menus.mapped("res_id")).mapped("action")
        opened = {screen["id"] for screen in self._get_screens()}
        self.assertEqual({action.id for action in actions if action} - opened, set())

    def test_empty_on_a_desktop(self):
        self._open_all()

    def test_empty_on_a_phone(self):
        self.browser_size, self.touch_enabled = PHONE, True
        self._open_all()

    def test_full_on_a_desktop(self):
        self._fill()
        self._open_all()

    def test_full_on_a_phone(self):
        self._fill()
        self.browser_size, self.touch_enabled = PHONE, True
        self._open_all()
