import { _t } from "@web/core/l10n/translation";
import { deserializeDate, formatDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onMounted, onWillUnmount, onWillUpdateProps, useRef, useState } from "@odoo/owl";
import { getPicture, HEIGHT } from "./timeline_picture";

/** A letter takes about so many pixels. */
const LETTER = 7;

/**
 * What the customer of a scorecard did through time: purchases as bars, returns below, interactions as dots, the tier as
 * a band. It is read when the form is there.
 */
export class TieringTimeline extends Component {
    static template = "customer_tiering.Timeline";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.height = HEIGHT;
        this.root = useRef("root");
        this.state = useState({ months: 12, data: null, problem: "", width: 0, told: null });
        this.observer = new ResizeObserver(() => this.measure());
        onMounted(() => {
            this.measure();
            this.observer.observe(this.root.el);
            this.load(this.props.record.resId);
        });
        onWillUnmount(() => this.observer.disconnect());
        onWillUpdateProps((next) => {
            if (next.record.resId !== this.props.record.resId) {
                this.state.data = null;
                this.load(next.record.resId);
            }
        });
    }

    measure() {
        this.state.width = this.root.el ? Math.floor(this.root.el.clientWidth) : 0;
    }

    async load(resId) {
        if (!resId) {
            return;
        }
        let data = null;
        try {
            data = await this.keepLast.add(
                this.orm.call("customer.tiering.scorecard", "get_timeline", [[resId], this.state.months])
            );
            this.state.problem = "";
        } catch (error) {
            if (!error.data?.message) {
                throw error;
            }
            this.state.problem = error.data.message;
        }
        Object.assign(this.state, { data, told: null });
    }

    onMonths(months) {
        this.state.months = months;
        return this.load(this.props.record.resId);
    }

    async onPeriod(period) {
        const action = await this.orm.call("customer.tiering.scorecard", "action_tiering_purchases", [
            [this.props.record.resId],
            period.start,
            period.end,
        ]);
        return this.action.doAction(action);
    }

    // ------------------------------------------------------------------
    // What is shown
    // ------------------------------------------------------------------

    get spans() {
        return [
            { months: 12, label: _t("12 months") },
            { months: 24, label: _t("24 months") },
            { months: 0, label: _t("All") },
        ];
    }

    getPicture() {
        return getPicture(this.state.data, this.state.width);
    }

    /** The periods in which something happened, the last one first. */
    get rows() {
        return this.state.data.periods
            .filter((period) => period.amount || period.returned || period.interactions)
            .reverse();
    }

    get isEmpty() {
        const { bands, scores, marks } = this.state.data;
        return !this.rows.length && !bands.length && !scores.length && !marks.length;
    }

    get hasReturns() {
        return this.state.data.periods.some((period) => period.returned);
    }

    has(kind) {
        return this.state.data.marks.some((mark) => mark.kind === kind);
    }

    day(text) {
        return formatDate(deserializeDate(text));
    }

    money(value) {
        return formatMonetary(value, { currencyId: this.state.data.currency_id });
    }

    number(value) {
        return formatInteger(value);
    }

    between(period) {
        return period.start === period.end
            ? this.day(period.start)
            : _t("%(first)s to %(last)s", { first: this.day(period.start), last: this.day(period.end) });
    }

    tell(period) {
        const said = {
            period: this.between(period),
            orders: this.number(period.orders),
            amount: this.money(period.amount),
            returned: this.money(period.returned),
            interactions: this.number(period.interactions),
        };
        if (period.returned) {
            return _t(
                "%(period)s: orders %(orders)s, %(amount)s, of which %(returned)s came back; interactions %(interactions)s",
                said
            );
        }
        return _t("%(period)s: orders %(orders)s, %(amount)s; interactions %(interactions)s", said);
    }

    tellBand(band) {
        return _t("%(tier)s from %(first)s to %(last)s", {
            tier: band.tier,
            first: this.day(band.start),
            last: this.day(band.end),
        });
    }

    tellScore(entry) {
        return _t("%(day)s: score %(score)s at a change of the tier", {
            day: this.day(entry.day),
            score: entry.score,
        });
    }

    tellMark(mark) {
        return _t("%(day)s: %(text)s", { day: this.day(mark.day), text: mark.text });
    }

    /** The name of a tier where it has room, else nothing: the table has it. */
    bandLabel(band) {
        return band.tier.length * LETTER + 8 <= band.width ? band.tier : "";
    }
}

registry.category("view_widgets").add("tiering_timeline", { component: TieringTimeline });
