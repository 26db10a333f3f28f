import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/**
 * Shows how a customer's net profit comes about, line by line. Labels and amounts come ready from the server, see
 * sentences.py.
 */
export class TieringProfit extends Component {
    static template = "customer_tiering.Profit";
    static props = { ...standardFieldProps };

    get lines() {
        return this.props.record.data[this.props.name] || [];
    }
}

registry.category("fields").add("tiering_profit", {
    component: TieringProfit,
    supportedTypes: ["json"],
});
