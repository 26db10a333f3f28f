import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/**
 * Explains a customer's tier: how the score came about, with a row and a bar per criterion that add up
 * to it, the tier's own rule, the ways to the next tier and to keep this one, and a person's lock.
 */
export class TieringExplanation extends Component {
    static template = "customer_tiering.Explanation";
    static props = { ...standardFieldProps };

    get data() {
        return this.props.record.data[this.props.name] || { lines: [] };
    }

    get lines() {
        return this.data.lines;
    }

    get total() {
        return this.format(this.lines.reduce((sum, line) => sum + line.contribution, 0));
    }

    get noTier() {
        return _t("no tier");
    }

    get riskClass() {
        return { watch: "alert-warning", high: "alert-danger" }[this.data.risk.level] || "alert-secondary";
    }

    /** The easiest ways, in a sentence. */
    joinWays(ways) {
        return ways.slice(0, 3).join(_t(", or "));
    }

    format(number) {
        return formatFloat(number, { digits: [16, 2] });
    }

    formatPoints(number) {
        return formatFloat(number, { digits: [16, 1] });
    }

    formatWeight(number) {
        return formatFloat(number, { digits: [16, 2], trailingZeros: false });
    }
}

registry.category("fields").add("tiering_explanation", {
    component: TieringExplanation,
    supportedTypes: ["json"],
});
