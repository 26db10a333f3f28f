import { loadBundle } from "@web/core/assets";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, onWillUnmount, useEffect, useRef, useState } from "@odoo/owl";
import { decode } from "../arrays";
import { getCurve, getNet, getSections } from "./profit_curve";

/** So many points has the curve; a click on one opens the customers up to the next. */
const POINTS = 100;

/**
 * Who brings a profit and who takes it: the tiers side by side, the customers from the best to the worst with costs that
 * can be tried out, and what a remedy would bring.
 */
export class TieringProfitReport extends Component {
    static template = "customer_tiering.ProfitReport";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.canvas = useRef("canvas");
        this.kinds = [
            { id: "minimum_order", name: _t("Minimum order"), size: 50 },
            { id: "freight", name: _t("Freight for each order"), size: 5 },
            { id: "price", name: _t("Prices higher by (%)"), size: 2 },
            { id: "meetings", name: _t("Hours of meetings at most"), size: 4 },
            { id: "terms", name: _t("Days to pay"), size: 30 },
        ];
        this.state = useState({ rates: {}, sections: [], total: 0, kind: "minimum_order", size: 50, remedy: "" });
        onWillStart(async () => {
            const [data] = await Promise.all([
                this.orm.call("customer.tiering.profit.report", "get_data", []),
                loadBundle("web.chartjs_lib"),
            ]);
            this.data = data;
            this.arrays = Object.fromEntries(
                Object.entries(data.arrays).map(([name, encoded]) => [name, decode(encoded)])
            );
            for (const cost of data.costs) {
                this.state.rates[cost.key] = cost.rate;
            }
            this.compute();
        });
        useEffect(
            () => this.draw(),
            () => [this.canvas.el]
        );
        onWillUnmount(() => this.chart?.destroy());
        this.simulate = useDebounced(this.simulate.bind(this), 250);
    }

    // ------------------------------------------------------------------
    // The curve
    // ------------------------------------------------------------------

    /** Reckon by the rates that are typed now. */
    compute() {
        const costs = this.data.costs.map((cost) => ({ ...cost, rate: this.state.rates[cost.key] }));
        this.net = getNet(this.arrays, costs, this.data.decimals);
        this.curve = getCurve(this.net, POINTS);
        this.state.sections = getSections(this.curve.sorted);
        this.state.total = this.curve.total;
    }

    draw() {
        if (!this.canvas.el) {
            return;
        }
        const style = getComputedStyle(this.canvas.el);
        this.chart?.destroy();
        // eslint-disable-next-line no-undef -- of the bundle
        this.chart = new Chart(this.canvas.el, {
            type: "line",
            data: {
                labels: this.curve.ranks,
                datasets: [
                    {
                        data: this.curve.cumulated,
                        fill: "origin",
                        pointRadius: 0,
                        pointHitRadius: 12,
                        borderColor: style.getPropertyValue("--primary") || "#714b67",
                        backgroundColor: "rgba(113, 75, 103, 0.15)",
                    },
                ],
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: { mode: "nearest", axis: "x", intersect: false },
                onClick: (_ev, [point]) => point && this.openPoint(point.index),
                plugins: {
                    legend: { display: false },
                    tooltip: {
                        callbacks: {
                            title: ([item]) => _t("Best customers: %(number)s", { number: this.integer(item.parsed.x) }),
                            label: (item) => this.money(item.parsed.y),
                        },
                    },
                },
                scales: {
                    x: {
                        type: "linear",
                        max: this.net.length,
                        ticks: { precision: 0 },
                        title: { display: true, text: _t("Customers, from the best to the worst") },
                    },
                    y: {
                        title: { display: true, text: _t("Net profit of all up to here") },
                        ticks: {
                            callback: (value) =>
                                this.money(value, { humanReadable: true, minDigits: 4, digits: [16, 0] }),
                        },
                    },
                },
            },
        });
    }

    redraw() {
        this.compute();
        if (this.chart) {
            this.chart.data.datasets[0].data = this.curve.cumulated;
            this.chart.data.labels = this.curve.ranks;
            this.chart.update("none");
        }
    }

    onRate(cost, ev) {
        this.state.rates[cost.key] = Math.max(Math.round(Number(ev.target.value) * 100) / 100 || 0, 0);
        this.redraw();
    }

    /** The slider goes to twice of what is reckoned. */
    most(cost) {
        return Math.max(2 * cost.rate, this.state.rates[cost.key], 1);
    }

    get changed() {
        return this.data.costs.filter((cost) => cost.rate !== this.state.rates[cost.key]);
    }

    get isChanged() {
        return this.changed.length > 0;
    }

    reset() {
        for (const cost of this.data.costs) {
            this.state.rates[cost.key] = cost.rate;
        }
        this.redraw();
    }

    async useRates() {
        // What was not moved may have been changed by somebody since the last computation.
        const rates = Object.fromEntries(this.changed.map(({ key }) => [key, this.state.rates[key]]));
        await this.orm.call("customer.tiering.profit.report", "use_rates", [rates]);
        this.notification.add(_t("These are the costs now. The next computation reckons by them."), { type: "success" });
    }

    // ------------------------------------------------------------------
    // The customers behind it
    // ------------------------------------------------------------------

    /** Open the customers whose net profit is from one value to another, both included. */
    open(least, most, name) {
        const ids = [];
        for (let place = 0; place < this.net.length; place++) {
            if (this.net[place] >= least && this.net[place] <= most) {
                ids.push(this.arrays.id[place]);
            }
        }
        return this.openCards([["partner_id", "in", ids]], name);
    }

    openPoint(index) {
        const { sorted, ranks } = this.curve;
        const first = ranks[Math.max(index, 1) - 1];
        const last = Math.max(ranks[Math.max(index, 1)] - 1, first);
        const name = _t("Customers %(first)s to %(last)s by net profit", {
            first: this.integer(first + 1),
            last: this.integer(last + 1),
        });
        return this.open(sorted[last], sorted[first], name);
    }

    openTier(tier) {
        const counted = ["|", ["order_count", ">", 0], ["net_profit", "<", 0]];
        return this.openCards([["tier_id", "=", tier.id], ...counted], tier.name);
    }

    async openCards(domain, name) {
        const action = await this.action.loadAction("customer_tiering.customer_tiering_below_zero_action");
        const company = ["company_id", "=", user.activeCompany.id];
        return this.action.doAction({ ...action, name, domain: [company, ...domain], context: {} });
    }

    // ------------------------------------------------------------------
    // Remedies
    // ------------------------------------------------------------------

    onKind(ev) {
        this.state.kind = ev.target.value;
        this.state.size = this.kinds.find((kind) => kind.id === this.state.kind).size;
        this.simulate();
    }

    onSize(ev) {
        this.state.size = Number(ev.target.value) || 0;
        this.simulate();
    }

    async simulate() {
        const result = await this.orm.silent.call("customer.tiering.profit.report", "simulate", [
            this.state.kind,
            this.state.size,
        ]);
        this.state.remedy = result.text;
    }

    // ------------------------------------------------------------------
    // Texts
    // ------------------------------------------------------------------

    money(value, options = {}) {
        return formatMonetary(value, { currencyId: this.data.currency_id, ...options });
    }

    integer(value) {
        return formatInteger(value);
    }

    rate(cost) {
        return formatMonetary(this.state.rates[cost.key], { currencyId: cost.currency_id, digits: [16, 2] });
    }

    /** How long a bar is, in percent of the longest of its kind. */
    width(tier, name) {
        const most = Math.max(...this.data.tiers.map((other) => Math.abs(other[name])), 1e-9);
        return (100 * Math.abs(tier[name])) / most;
    }

    get sectionNames() {
        return {
            head: _t("Head: four fifths of the profit"),
            back: _t("Back: the rest of the profit"),
            tail: _t("Tail: below zero"),
        };
    }

    get unknown() {
        return _t("Customers without a known profit: %(number)s. None of the goods that they bought have a cost.", {
            number: this.integer(this.data.unknown),
        });
    }
}

registry.category("actions").add("customer_tiering.profit_report", TieringProfitReport);
