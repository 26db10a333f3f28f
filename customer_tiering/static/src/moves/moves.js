import { _t } from "@web/core/l10n/translation";
import { deserializeDate, formatDate, serializeDate, today } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";
import { getCustomersAction } from "../customers";
import { getDirection, getFlow, getSums, NOWHERE } from "./moves_matrix";

const SIZE = { width: 640, height: 420, gap: 16, bar: 12, margin: 8 };

/**
 * Who was where on one day and where on another: a matrix, and the same numbers as a flow. A cell or a band opens the
 * customers.
 */
export class TieringMoves extends Component {
    static template = "customer_tiering.Moves";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.presets = [30, 90, 365];
        this.size = SIZE;
        const last = today();
        this.state = useState({
            kind: "tier",
            measure: "customers",
            first: serializeDate(last.minus({ days: 30 })),
            last: serializeDate(last),
            places: [],
            rows: [],
            notes: [],
            problem: "",
        });
        onWillStart(() => this.load());
    }

    async load() {
        const { kind, first, last } = this.state;
        let data;
        try {
            data = await this.keepLast.add(
                this.orm.call("customer.tiering.moves.report", "get_data", [kind, first || false, last || false])
            );
        } catch (error) {
            if (!error.data?.message) {
                throw error;
            }
            Object.assign(this.state, { rows: [], places: [], notes: [], problem: error.data.message });
            return;
        }
        Object.assign(this.state, { ...data, problem: "" });
    }

    // ------------------------------------------------------------------
    // What is chosen
    // ------------------------------------------------------------------

    onKind(kind) {
        this.state.kind = kind;
        return this.load();
    }

    onDay(name, ev) {
        this.state[name] = ev.target.value;
        return this.load();
    }

    onPreset(days) {
        const last = today();
        Object.assign(this.state, { first: serializeDate(last.minus({ days })), last: serializeDate(last) });
        return this.load();
    }

    presetText(days) {
        return _t("%(number)s days", { number: this.integer(days) });
    }

    isPreset(days) {
        const last = today();
        return this.state.last === serializeDate(last) && this.state.first === serializeDate(last.minus({ days }));
    }

    // ------------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------------

    getSums() {
        return getSums(this.state.rows, this.state.measure);
    }

    getFlow() {
        return getFlow(this.state.rows, this.state.places, this.state.measure, SIZE);
    }

    /** Many columns take all of the width. */
    get isWide() {
        return this.state.places.length > 6;
    }

    get hasRules() {
        return this.state.rows.some((row) => row.by_rules);
    }

    get moved() {
        const count = (wanted) =>
            this.state.rows
                .filter((row) => getDirection(this.state.places, row.before, row.after) === wanted && row.before && row.after)
                .filter((row) => row.before !== row.after)
                .reduce((sum, row) => sum + row.customers, 0);
        return { up: this.integer(count(1)), down: this.integer(count(-1)) };
    }

    get summary() {
        return _t("Customers who moved up between %(first)s and %(last)s: %(up)s. Who moved down: %(down)s.", {
            first: this.day(this.state.first),
            last: this.day(this.state.last),
            ...this.moved,
        });
    }

    /** The kind of a cell: its colour, and the sign that says the same without colour. */
    getLook(origin, target) {
        if (origin === target) {
            return { class: "o_tiering_stays", sign: "" };
        }
        const direction = getDirection(this.state.places, origin, target);
        if (direction > 0) {
            return { class: "o_tiering_up", sign: "▲" };
        }
        return direction < 0 ? { class: "o_tiering_down", sign: "▼" } : { class: "", sign: "" };
    }

    number(value) {
        if (this.state.measure === "customers") {
            return value ? this.integer(value) : "–";
        }
        return value ? formatMonetary(value, { currencyId: this.state.currency_id, digits: [16, 0] }) : "–";
    }

    integer(value) {
        return formatInteger(value);
    }

    day(text) {
        return formatDate(deserializeDate(text));
    }

    name(id, side) {
        if (id === NOWHERE) {
            return side === "before" ? _t("New customers") : _t("Gone");
        }
        return this.state.places.find((place) => place.id === id)?.name || "";
    }

    /** What a cell or a band is called. */
    title(origin, target, value) {
        return _t("%(from)s → %(to)s: %(number)s", {
            from: this.name(origin, "before"),
            to: this.name(target, "after"),
            number: this.number(value),
        });
    }

    bandClass(row) {
        if (row.by_rules) {
            return "o_tiering_band_rules";
        }
        const { class: name } = this.getLook(row.before, row.after);
        return name ? name.replace("o_tiering_", "o_tiering_band_") : "o_tiering_band_other";
    }

    // ------------------------------------------------------------------
    // The customers behind it
    // ------------------------------------------------------------------

    async open(origin, target, byRules = null) {
        const { kind, first, last } = this.state;
        const ids = await this.orm.call("customer.tiering.moves.report", "get_customers", [
            kind,
            first,
            last,
            origin,
            target,
            byRules,
        ]);
        const [from, to] = [origin, target].map((id, place) =>
            id === null ? _t("anywhere") : this.name(id, place ? "after" : "before")
        );
        return this.action.doAction(getCustomersAction(_t("%(from)s → %(to)s", { from, to }), ids));
    }
}

registry.category("actions").add("customer_tiering.moves", TieringMoves);
