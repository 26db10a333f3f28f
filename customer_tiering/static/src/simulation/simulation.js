import { _t } from "@web/core/l10n/translation";
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
        const { directions, announced } = this.result;
        return [
            { key: "up", label: _t("move up"), count: directions.up || 0, color: "text-success" },
            { key: "down", label: _t("move down"), count: directions.down || 0, color: "text-danger" },
            { key: "announced", label: _t("downgrades announced"), count: announced, color: "text-warning" },
            { key: "new", label: _t("get their first tier"), count: directions.new || 0 },
            { key: "other", label: _t("come from another policy"), count: directions.other || 0 },
            { key: "elsewhere", label: _t("go to another policy"), count: directions.elsewhere || 0 },
            { key: "left", label: _t("leave"), count: directions.left || 0, color: "text-danger" },
        ].filter((total) => total.count || ["up", "down"].includes(total.key));
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
