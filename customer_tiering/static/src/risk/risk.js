import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { RelationalModel } from "@web/model/relational_model/relational_model";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";
import { useState } from "@odoo/owl";

/** The longest silence first. */
const ORDER = [
    { name: "tiering_last_order_date", asc: true },
    { name: "id", asc: true },
];

/** Customers at risk are sorted by what is foretold of them, or by silence where that says more. */
class RiskModel extends RelationalModel {
    setup(params) {
        super.setup(...arguments);
        this.isLedBySilence = params.isLedBySilence;
    }

    async load() {
        if (await this.isLedBySilence()) {
            this.defaultOrderBy = ORDER;
        }
        return super.load(...arguments);
    }
}

/** A list or kanban that asks once by what it is to be sorted, and says why. */
const withSilence = (Controller, template) =>
    class extends Controller {
        static template = template;

        setup() {
            this.tieringOrm = useService("orm");
            this.tiering = useState({ bySilence: false });
            super.setup();
        }

        get modelParams() {
            return { ...super.modelParams, isLedBySilence: () => this.askSilence() };
        }

        /** Nothing is drawn before it is known how it is sorted. */
        get modelOptions() {
            return { ...super.modelOptions, lazy: false };
        }

        askSilence() {
            this.asked ??= this.tieringOrm
                .call("customer.tiering.forecast.report", "is_led_by_silence", [])
                .then((answer) => (this.tiering.bySilence = answer));
            return this.asked;
        }
    };

registry.category("views").add("tiering_risk_list", {
    ...listView,
    Controller: withSilence(ListController, "customer_tiering.RiskList"),
    Model: RiskModel,
});

registry.category("views").add("tiering_risk_kanban", {
    ...registry.category("views").get("tiering_my_customers_kanban"),
    Controller: withSilence(KanbanController, "customer_tiering.RiskKanban"),
    Model: RiskModel,
});
