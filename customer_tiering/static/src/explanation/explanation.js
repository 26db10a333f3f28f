import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/** Shows how a score came about: a row and a bar per criterion, which add up to the score. */
export class TieringExplanation extends Component {
    static template = "customer_tiering.Explanation";
    static props = { ...standardFieldProps };

    get lines() {
        return this.props.record.data[this.props.name] || [];
    }

    get total() {
        return this.format(this.lines.reduce((sum, line) => sum + line.contribution, 0));
    }

    format(number) {
        return formatFloat(number, { digits: [16, 2] });
    }

    formatWeight(number) {
        return formatFloat(number, { digits: [16, 2], trailingZeros: false });
    }
}

registry.category("fields").add("tiering_explanation", {
    component: TieringExplanation,
    supportedTypes: ["json"],
});
