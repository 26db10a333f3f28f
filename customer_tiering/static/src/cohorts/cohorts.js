import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger, formatMonetary, formatPercentage } from "@web/views/fields/formatters";
import { getCustomersAction } from "../customers";
import { getShade } from "../heat/heat";
import { PolicyReport } from "../policy_report/policy_report";
import { addUpColumns, getMost, getNumber } from "./cohort_numbers";

/**
 * Customers by the period of their first order, and what became of them: a heat table whose cells open the customers.
 */
export class TieringCohorts extends PolicyReport {
    static template = "customer_tiering.Cohorts";
    static report = "customer.tiering.cohort.report";

    setup() {
        super.setup();
        this.action = useService("action");
        this.units = [
            { name: "month", label: _t("Months"), header: _t("Months since the first order") },
            { name: "quarter", label: _t("Quarters"), header: _t("Quarters since the first order") },
            { name: "year", label: _t("Years"), header: _t("Years since the first order") },
        ];
        this.measures = [
            { name: "customers", label: _t("Bought in the period") },
            { name: "later", label: _t("Bought in it or later") },
            { name: "amount", label: _t("Amount per head") },
            { name: "cumulated", label: _t("Amount per head, cumulated") },
        ];
    }

    getStart() {
        return {
            unit: "month",
            measure: "customers",
            everything: false,
            data: { policies: [], rows: [], columns: 0, total: 0 },
        };
    }

    get question() {
        const { policyId, unit, everything } = this.state;
        return [policyId, unit, everything];
    }

    // ------------------------------------------------------------------
    // What is chosen
    // ------------------------------------------------------------------

    onUnit(unit) {
        Object.assign(this.state, { unit, everything: false });
        return this.load();
    }

    showAll() {
        this.state.everything = true;
        return this.load();
    }

    // ------------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------------

    get periods() {
        return Array.from({ length: this.state.data.columns }, (_, period) => period);
    }

    get header() {
        return this.units.find((offered) => offered.name === this.state.unit).header;
    }

    get isShare() {
        return ["customers", "later"].includes(this.state.measure);
    }

    get total() {
        return addUpColumns(this.state.data.rows, this.state.data.columns);
    }

    value(row, period) {
        return getNumber(row, period, this.state.measure);
    }

    shade(row, period) {
        // Everybody bought in the first period: it says nothing, and would make all others pale.
        if (this.isShare && !period) {
            return "";
        }
        return `o_tiering_shade_${getShade(this.value(row, period), this.most)}`;
    }

    get most() {
        return getMost(this.state.data.rows, this.state.measure);
    }

    number(value) {
        if (value === null) {
            return "";
        }
        return this.isShare
            ? formatPercentage(value / 100, { digits: [16, 0] })
            : this.money(value, this.most >= 100 ? { digits: [16, 0] } : {});
    }

    money(value, options = {}) {
        return formatMonetary(value, { currencyId: this.state.data.currency_id, ...options });
    }

    integer(value) {
        return formatInteger(value);
    }

    /** What a cell is called. */
    title(row, period) {
        const cell = row.cells[period];
        const values = {
            cohort: row.name,
            period: formatInteger(period),
            customers: formatInteger(cell.customers),
            later: formatInteger(cell.later),
            size: formatInteger(row.size),
            amount: this.money(cell.amount),
            cumulated: this.money(cell.cumulated),
        };
        return _t(
            "First order %(cohort)s, period %(period)s: %(customers)s of %(size)s customers bought, %(later)s bought then or later, amount %(amount)s, cumulated %(cumulated)s.",
            values
        );
    }

    get shown() {
        const { data } = this.state;
        return _t("The newest %(shown)s of %(total)s cohorts and their first %(periods)s periods are shown.", {
            shown: formatInteger(data.rows.length),
            total: formatInteger(data.total),
            periods: formatInteger(data.columns),
        });
    }

    // ------------------------------------------------------------------
    // The customers behind it
    // ------------------------------------------------------------------

    async open(row, period = null) {
        const { policyId, unit, measure } = this.state;
        const later = measure === "later";
        const ids = await this.orm.call("customer.tiering.cohort.report", "get_customers", [
            policyId,
            unit,
            row.key,
            period,
            later,
        ]);
        const values = { cohort: row.name, period: formatInteger(period || 0) };
        let name = _t("First order %(cohort)s", values);
        if (period !== null) {
            name = later
                ? _t("First order %(cohort)s, bought in period %(period)s or later", values)
                : _t("First order %(cohort)s, bought in period %(period)s", values);
        }
        return this.action.doAction(getCustomersAction(name, ids));
    }
}

registry.category("actions").add("customer_tiering.cohorts", TieringCohorts);
