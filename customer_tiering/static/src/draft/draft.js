import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onWillUnmount, useState } from "@odoo/owl";

/** Nobody who types is asked after each letter. */
const DELAY = 300;
const CLASSES = { up: "text-success-emphasis", same: "text-body", unknown: "text-muted" };
const NUMBERS = ["product_uom_qty", "price_unit", "discount", "price_subtotal"];

/**
 * Says below the customer's tier what a quotation would do to it. The sentence is fetched after the form is there and after
 * each change, and nobody waits for it: where it cannot be had, nothing is shown.
 */
export class TieringDraft extends Component {
    static template = "customer_tiering.Draft";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ text: "", kind: "unknown" });
        this.last = new KeepLast();
        this.fetchSoon = useDebounced((key) => this.fetch(key), DELAY);
        useRecordObserver((record) => {
            const key = this.getKey(record);
            if (key === this.key) {
                return;
            }
            this.key = key;
            this.fetchSoon(key);
        });
        onWillUnmount(() => (this.key = null));
    }

    get textClass() {
        return CLASSES[this.state.kind];
    }

    /** What the sentence depends on, as text; empty where there is nothing to say. */
    getKey(record) {
        const { data, resId } = record;
        if (!["draft", "sent"].includes(data.state) || !data.partner_id) {
            return "";
        }
        const { records, count } = data.order_line;
        return JSON.stringify([
            resId,
            {
                company_id: data.company_id?.id,
                partner_id: data.partner_id.id,
                currency_id: data.currency_id?.id,
                pricelist_id: data.pricelist_id?.id,
                amount_untaxed: data.amount_untaxed,
                // Of very long quotations not all lines are there.
                lines: records.length < count ? null : records.map((line) => this.getLine(line.data)),
            },
        ]);
    }

    getLine(data) {
        return {
            product_id: data.product_id?.id,
            product_uom_id: data.product_uom_id?.id,
            ...Object.fromEntries(NUMBERS.map((name) => [name, data[name]])),
        };
    }

    async fetch(key) {
        let effect = false;
        if (key) {
            const [resId, values] = JSON.parse(key);
            try {
                effect = await this.last.add(
                    this.orm.silent.call("customer.tiering.draft", "get_effect", [resId || false, values])
                );
            } catch {
                // Who writes a quotation is not disturbed: by no lost connection, and by nothing that is not theirs to see.
            }
        }
        if (key === this.key) {
            Object.assign(this.state, effect || { text: "", kind: "unknown" });
        }
    }
}

registry.category("view_widgets").add("tiering_draft", {
    component: TieringDraft,
    fieldDependencies: [
        { name: "state", type: "selection" },
        { name: "company_id", type: "many2one", relation: "res.company" },
        { name: "currency_id", type: "many2one", relation: "res.currency" },
        { name: "amount_untaxed", type: "monetary" },
    ],
});
