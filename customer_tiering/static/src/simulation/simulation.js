import { _t } from "@web/core/l10n/translation";
import { formatList } from "@web/core/l10n/utils";
import { registry } from "@web/core/registry";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";

/** Shows what a simulated policy would do: the totals, and who goes from which tier to which. */
export class TieringSimulation extends Component {
    static template = "customer_tiering.Simulation";
    static props = { ...standardFieldProps };

    get result() {
        return this.props.record.data[this.props.name];
    }

    get totals() {
        const { directions, announced, rising } = this.result;
        return [
            {
                key: "up",
                label: _t("Upgrades"),
                count: (directions.up || 0) + (rising || 0),
                color: "text-success",
            },
            { key: "rising", label: _t("of them after the days to rise"), count: rising || 0, color: "text-success" },
            { key: "down", label: _t("Downgrades"), count: (directions.down || 0) + announced, color: "text-danger" },
            { key: "announced", label: _t("of them after days of grace"), count: announced, color: "text-warning" },
            { key: "new", label: _t("First tier"), count: directions.new || 0 },
            { key: "other", label: _t("From another policy"), count: directions.other || 0 },
            { key: "elsewhere", label: _t("To another policy"), count: directions.elsewhere || 0 },
            { key: "left", label: _t("Leaving"), count: directions.left || 0, color: "text-danger" },
        ].filter((total) => total.count || ["up", "down"].includes(total.key));
    }

    /** What is at stake with those who change tier, and with those who get other prices, in sentences. */
    get stakes() {
        const { moved, repriced } = this.result;
        return [
            moved.customers && {
                key: "moved",
                text: _t(
                    "Customers who change tier brought %(revenue)s in the last 12 months. Their open quotations: %(quotations)s, over %(quoted)s in all.",
                    this.formatStake(moved)
                ),
            },
            repriced.customers && {
                key: "prices",
                text: _t(
                    "Customers who get other prices: %(customers)s. They brought %(revenue)s in the last 12 months. Their open quotations: %(quotations)s, over %(quoted)s in all.",
                    this.formatStake(repriced)
                ),
            },
        ].filter(Boolean);
    }

    get nobody() {
        const tiers = formatList(this.result.empty, { style: "or" });
        return _t("Nobody would be in %(tiers)s.", { tiers });
    }

    /** The tiers of a row or column, without the last one ("no tier") where nobody is in it. */
    get columns() {
        const used = this.result.cells.some((row) => row.at(-1).customers);
        return used ? this.result.columns : this.result.columns.slice(0, -1);
    }

    get rows() {
        const used = this.result.cells.at(-1).some((cell) => cell.customers);
        return used ? this.result.rows : this.result.rows.slice(0, -1);
    }

    cell(row, column) {
        const place = this.result.columns.indexOf(column);
        return this.result.cells[this.result.rows.indexOf(row)][place];
    }

    cellClass(row, column) {
        const cell = this.cell(row, column);
        if (!cell.customers) {
            return "text-muted";
        }
        return row.id === column.id ? "fw-bold" : "o_tiering_simulation_moved fw-bold";
    }

    total(column) {
        return this.rows.reduce((sum, row) => sum + this.cell(row, column).customers, 0);
    }

    formatStake({ customers, revenue, quotations, quoted }) {
        return {
            customers: this.formatCount(customers),
            revenue: this.formatMoney(revenue),
            quotations: this.formatCount(quotations),
            quoted: this.formatMoney(quoted),
        };
    }

    formatCount(count) {
        return formatInteger(count);
    }

    formatMoney(amount) {
        return formatMonetary(amount, { currencyId: this.result.currency_id, digits: [16, 0] });
    }
}

registry.category("fields").add("tiering_simulation", {
    component: TieringSimulation,
    supportedTypes: ["json"],
});
