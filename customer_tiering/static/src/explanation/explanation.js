import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

const RISK_CLASSES = { watch: "alert-warning", high: "alert-danger", lost: "alert-danger" };

/**
 * Explains a customer's tier: how the score came about, with a row and a bar per criterion that add up
 * to it, the tier's own rule, the ways to the next tier and to keep this one, and a person's lock.
 *
 * Sentences and numbers come ready from the server, see sentences.py.
 */
export class TieringExplanation extends Component {
    static template = "customer_tiering.Explanation";
    static props = { ...standardFieldProps };

    get data() {
        return this.props.record.data[this.props.name] || { lines: [] };
    }

    get riskClass() {
        // Whom nobody can lose any more is no alarm.
        return this.data.risk.at_stake ? RISK_CLASSES[this.data.risk.level] : "alert-secondary";
    }
}

registry.category("fields").add("tiering_explanation", {
    component: TieringExplanation,
    supportedTypes: ["json"],
});
