import { _t } from "@web/core/l10n/translation";
import { serializeDate, today } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger, formatMonetary, formatPercentage } from "@web/views/fields/formatters";
import { useRef } from "@odoo/owl";
import { getLegend, getShade } from "../heat/heat";
import { PolicyReport } from "../policy_report/policy_report";
import { addUp, getKey, getNeighbour, getPlace, getRectangle, getValue, SHARES } from "./map_cells";

/** How numbers are written in cells: 123,456 as 123k. */
const SHORT = {
    customers: { humanReadable: true, minDigits: 3 },
    amount: { humanReadable: true, minDigits: 2 },
    expected_loss: { humanReadable: true, minDigits: 2 },
};

/**
 * Where customers stand, in 5 × 5 cells: on the segment map of a policy, or by two metrics. Cells are chosen, and
 * something is done with their customers.
 */
export class TieringMap extends PolicyReport {
    static template = "customer_tiering.Map";
    static report = "customer.tiering.map.report";

    setup() {
        super.setup();
        this.action = useService("action");
        this.grid = useRef("grid");
        this.numbers = [1, 2, 3, 4, 5];
        this.backwards = [5, 4, 3, 2, 1];
        this.measures = [
            { name: "customers", label: _t("Customers") },
            { name: "amount", label: _t("Amount") },
            { name: "expected_loss", label: _t("Expected loss") },
            { name: "contacted", label: _t("Contacted in 30 days") },
            { name: "by_email", label: _t("Reachable by e-mail") },
            { name: "by_phone", label: _t("Reachable by phone") },
        ];
    }

    getStart() {
        return {
            across: "",
            upwards: "",
            day: "",
            measure: "customers",
            colour: "segment",
            several: false,
            chosen: [],
            focused: getKey(5, 1),
            data: { policies: [], metrics: [], segments: [], columns: [], rows: [], cells: [], notes: [], actions: [] },
        };
    }

    /** The cells that are shown, which is what is asked of their customers, too. */
    get cellsShown() {
        const { policyId, across, upwards } = this.state;
        return [policyId, across || false, upwards || false];
    }

    get question() {
        return [...this.cellsShown, this.state.day || false];
    }

    choose() {
        this.state.chosen = [];
    }

    // ------------------------------------------------------------------
    // What is chosen
    // ------------------------------------------------------------------

    onPolicy(ev) {
        // Each policy measures something else.
        Object.assign(this.state, { policyId: Number(ev.target.value), across: "", upwards: "" });
        return this.load();
    }

    onKind(kind) {
        const keys = this.state.data.metrics.map((metric) => metric.key);
        const [across, upwards] = kind === "segments" ? ["", ""] : [keys[keys.length > 1 ? 1 : 0] || "", keys[0] || ""];
        Object.assign(this.state, { across, upwards });
        return this.load();
    }

    onAxis(name, ev) {
        this.state[name] = ev.target.value;
        return this.load();
    }

    onDay(day) {
        this.state.day = day;
        return this.load();
    }

    /** A day so long ago. */
    ago(days) {
        return serializeDate(today().minus({ days }));
    }

    get isBySegment() {
        return !this.state.across && !this.state.upwards;
    }

    get isColouredBySegment() {
        return this.isBySegment && this.state.colour === "segment";
    }

    // ------------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------------

    cell(row, column) {
        return this.state.data.cells.find((cell) => cell.row === row && cell.column === column);
    }

    segment(row, column) {
        const id = this.isBySegment && this.cell(row, column)?.segment_id;
        return this.state.data.segments.find((segment) => segment.id === id);
    }

    get hasEarlier() {
        return this.state.data.cells.some((cell) => cell.before);
    }

    get most() {
        return Math.max(0, ...this.state.data.cells.map((cell) => getValue(cell, this.state.measure) || 0));
    }

    cellClass(row, column) {
        const chosen = this.state.chosen.includes(getKey(row, column)) ? "o_tiering_chosen" : "";
        if (this.isColouredBySegment) {
            return `o_badge_color_${this.segment(row, column)?.color || 0} ${chosen}`;
        }
        return `o_tiering_shade_${getShade(getValue(this.cell(row, column), this.state.measure), this.most)} ${chosen}`;
    }

    get legend() {
        if (!this.isColouredBySegment) {
            const whole = this.state.measure === "customers";
            return getLegend(this.most).map(({ shade, last }) => ({
                key: shade,
                class: `o_tiering_shade_${shade}`,
                text: _t("up to %(number)s", { number: this.number(whole ? Math.floor(last) : last) }),
            }));
        }
        return []; // the table of segments is one
    }

    cellsOf(segment) {
        return this.state.data.cells.filter((cell) => cell.segment_id === segment.id);
    }

    /** What each segment holds, all measures side by side. */
    get segmentRows() {
        const all = this.total;
        const share = (value) => (value === null ? "–" : formatPercentage(value / 100, { digits: [16, 0] }));
        return this.state.data.segments
            .filter((segment) => this.cellsOf(segment).length)
            .map((segment) => {
                const sum = addUp(this.cellsOf(segment));
                return {
                    segment,
                    customers: formatInteger(sum.customers),
                    part: share(all.customers ? (100 * sum.customers) / all.customers : null),
                    amount: this.money(sum.amount),
                    each: sum.customers ? this.money(sum.amount / sum.customers) : "–",
                    loss: this.money(sum.expected_loss),
                    shares: SHARES.map((name) => ({ name, text: share(getValue(sum, name)) })),
                };
            });
    }

    isChosen(segment) {
        return this.cellsOf(segment).every((cell) => this.state.chosen.includes(getKey(cell.row, cell.column)));
    }

    onSegment(segment) {
        const keys = this.cellsOf(segment).map((cell) => getKey(cell.row, cell.column));
        const others = this.state.chosen.filter((key) => !keys.includes(key));
        if (this.isChosen(segment)) {
            this.state.chosen = others;
        } else {
            this.state.chosen = this.state.several ? [...others, ...keys] : keys;
        }
    }

    /** What usually works with the customers of the segment that is chosen, if it is only one. */
    get advice() {
        const ids = new Set(this.chosenCells.map((cell) => cell.segment_id));
        return ids.size === 1 && this.state.data.segments.find((segment) => ids.has(segment.id))?.advice;
    }

    number(value, options = {}) {
        if (value === null || value === undefined) {
            return "–";
        }
        if (this.state.measure === "customers") {
            return formatInteger(value, options);
        }
        if (SHARES.includes(this.state.measure)) {
            return formatPercentage(value / 100, { digits: [16, 0] });
        }
        return this.money(value, options);
    }

    money(value, options = {}) {
        return formatMonetary(value, { currencyId: this.state.data.currency_id, digits: [16, 0], ...options });
    }

    /** What a cell says in little room. */
    short(row, column) {
        const cell = this.cell(row, column);
        return cell?.customers ? this.number(getValue(cell, this.state.measure), SHORT[this.state.measure]) : "–";
    }

    /** The change since the earlier day: an arrow, and by how much. */
    change(row, column) {
        const cell = this.cell(row, column);
        if (!cell?.before) {
            return "";
        }
        const now = getValue(cell, this.state.measure);
        const before = getValue(cell.before, this.state.measure);
        if ((now === null && before === null) || !(this.state.measure in cell.before)) {
            return "";
        }
        const difference = Math.round((now || 0) - (before || 0));
        if (!difference) {
            return "=";
        }
        const size = Math.abs(difference);
        const number =
            SHARES.includes(this.state.measure)
                ? size === 1
                    ? _t("%(points)s point", { points: formatInteger(size) })
                    : _t("%(points)s points", { points: formatInteger(size) })
                : this.number(size, SHORT[this.state.measure]);
        return `${difference > 0 ? "▲" : "▼"} ${number}`;
    }

    rowLabel(row) {
        return this.isBySegment ? row : this.state.data.rows[row - 1] || "–";
    }

    columnLabel(column) {
        return this.isBySegment ? column : this.state.data.columns[column - 1] || "–";
    }

    metric(key) {
        const metric = this.state.data.metrics.find((offered) => offered.key === key);
        return metric?.unit ? _t("%(metric)s (%(unit)s)", { metric: metric.name, unit: metric.unit }) : metric?.name || "";
    }

    daysAgo(number) {
        return _t("%(number)s days ago", { number });
    }

    get caption() {
        return _t("Customers by %(upwards)s, from top to bottom, and %(across)s, from left to right.", this.axes);
    }

    get axes() {
        return this.isBySegment
            ? { across: _t("Frequency and value"), upwards: _t("Recency") }
            : { across: this.metric(this.state.across), upwards: this.metric(this.state.upwards) };
    }

    /** What a cell is called. */
    title(row, column) {
        const cell = this.cell(row, column) || addUp([]);
        const values = {
            place: this.isBySegment ? this.segment(row, column)?.name || _t("No segment") : _t("Cell"),
            upwards: this.axes.upwards,
            row: this.rowLabel(row),
            across: this.axes.across,
            column: this.columnLabel(column),
            customers: formatInteger(cell.customers),
            amount: this.money(cell.amount),
            loss: this.money(cell.expected_loss),
            contacted: formatInteger(cell.contacted),
        };
        if (!cell.before) {
            return _t(
                "%(place)s, %(upwards)s %(row)s, %(across)s %(column)s: customers %(customers)s, amount %(amount)s, expected loss %(loss)s, contacted in 30 days %(contacted)s.",
                values
            );
        }
        return _t(
            "%(place)s, %(upwards)s %(row)s, %(across)s %(column)s: customers %(customers)s, amount %(amount)s, expected loss %(loss)s, contacted in 30 days %(contacted)s. On the earlier day: customers %(before)s, amount %(earlier)s.",
            {
                ...values,
                before: formatInteger(cell.before.customers),
                earlier: this.money(cell.before.amount),
            }
        );
    }

    get total() {
        return addUp(this.state.data.cells);
    }

    get summary() {
        const said = {
            customers: formatInteger(this.total.customers),
            amount: this.money(this.total.amount),
            loss: this.money(this.total.expected_loss),
        };
        return this.total.customers === 1
            ? _t("1 customer, amount %(amount)s, expected loss %(loss)s.", said)
            : _t("%(customers)s customers, amount %(amount)s, expected loss %(loss)s.", said);
    }

    get placeless() {
        return _t("Not on the map, because a value is not known: customers %(customers)s.", {
            customers: formatInteger(this.state.data.placeless),
        });
    }

    get chosenCells() {
        return this.state.chosen.map((key) => this.cell(...getPlace(key))).filter(Boolean);
    }

    get chosenSummary() {
        const sum = addUp(this.chosenCells);
        const said = {
            customers: formatInteger(sum.customers),
            amount: this.money(sum.amount),
            contacted: formatInteger(sum.contacted),
        };
        return sum.customers === 1
            ? _t("Chosen: 1 customer, amount %(amount)s, %(contacted)s contacted in 30 days.", said)
            : _t("Chosen: %(customers)s customers, amount %(amount)s, %(contacted)s contacted in 30 days.", said);
    }

    get hasChosenCustomers() {
        return addUp(this.chosenCells).customers > 0;
    }

    // ------------------------------------------------------------------
    // Cells are chosen
    // ------------------------------------------------------------------

    onCell(row, column, ev) {
        const key = getKey(row, column);
        const { chosen } = this.state;
        if (ev.shiftKey && chosen.length) {
            this.state.chosen = getRectangle(this.state.focused, key);
            return;
        }
        if (ev.ctrlKey || ev.metaKey || this.state.several) {
            this.state.chosen = chosen.includes(key) ? chosen.filter((other) => other !== key) : [...chosen, key];
        } else {
            this.state.chosen = chosen.length === 1 && chosen[0] === key ? [] : [key];
        }
        this.state.focused = key;
    }

    onKeydown(row, column, ev) {
        if (ev.key === "Escape") {
            this.state.chosen = [];
            return;
        }
        if (ev.key === "Enter" && (ev.ctrlKey || ev.metaKey)) {
            ev.preventDefault(); // not every browser makes a click of it
            this.onCell(row, column, ev);
            return;
        }
        const target = getNeighbour(getKey(row, column), ev.key);
        if (!target) {
            return;
        }
        ev.preventDefault();
        if (ev.shiftKey) {
            const { chosen } = this.state;
            this.state.chosen = [...new Set([...chosen, getKey(row, column), target])];
        }
        this.state.focused = target;
        this.grid.el.querySelector(`[data-cell="${target}"]`).focus();
    }

    clear() {
        this.state.chosen = [];
    }

    get places() {
        return this.state.chosen.map(getPlace);
    }

    async open() {
        const ids = await this.orm.call("customer.tiering.map.report", "get_customers", [...this.cellsShown, this.places]);
        const name = this.state.chosen.length === 1 ? this.name(...this.places[0]) : _t("Customers of the map");
        return this.action.doAction({
            type: "ir.actions.act_window",
            name,
            res_model: "customer.tiering.scorecard",
            views: [
                [false, "list"],
                [false, "form"],
            ],
            domain: [["id", "in", ids]],
        });
    }

    name(row, column) {
        return (
            this.segment(row, column)?.name ||
            _t("%(upwards)s %(row)s, %(across)s %(column)s", {
                ...this.axes,
                row: this.rowLabel(row),
                column: this.columnLabel(column),
            })
        );
    }

    async run(name) {
        const action = await this.orm.call("customer.tiering.map.report", "run_action", [
            name,
            ...this.cellsShown,
            this.places,
        ]);
        return this.action.doAction(action, { onClose: () => this.load() });
    }

    async compute() {
        const action = await this.orm.call("customer.tiering.policy", "action_compute_now", [[this.state.policyId]]);
        return this.action.doAction(action);
    }
}

registry.category("actions").add("customer_tiering.map", TieringMap);
