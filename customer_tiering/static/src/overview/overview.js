import { loadBundle } from "@web/core/assets";
import { browser } from "@web/core/browser/browser";
import { deserializeDate, formatDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, onWillUnmount, useEffect, useRef, useState } from "@odoo/owl";
import { getCustomersAction } from "../customers";
import { TieringGrade } from "../forecast/grade";

/** How often the progress of a computation is asked for, milliseconds. */
const PATIENCE = 2000;
const MODEL = "customer.tiering.overview";
/** What the picture looks like once there is something to show. */
const EXAMPLE = [
    [4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11, 12],
    [14, 15, 15, 17, 18, 18, 20, 20, 21, 23, 23, 25, 26],
    [30, 31, 33, 32, 33, 35, 34, 36, 37, 36, 38, 38, 40],
    [44, 45, 44, 47, 46, 48, 50, 49, 52, 53, 52, 55, 56],
];

/**
 * What a manager sees first: the customers and their tiers, today and over the last months, and what needs attention;
 * in the beginning the first steps.
 */
export class TieringOverview extends Component {
    static template = "customer_tiering.Overview";
    static components = { TieringGrade };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.canvas = useRef("canvas");
        this.legend = useRef("legend");
        this.state = useState({ data: null, measure: "customers", started: 0, seconds: 0, message: "" });
        onWillStart(async () => {
            await Promise.all([this.load(), loadBundle("web.chartjs_lib")]);
        });
        useEffect(
            () => this.draw(),
            () => [this.canvas.el, this.state.data, this.state.measure]
        );
        onWillUnmount(() => {
            this.isGone = true;
            browser.clearTimeout(this.timer);
            this.chart?.destroy();
        });
    }

    async load() {
        this.state.data = await this.orm.call(MODEL, "get_data", []);
        if (this.state.data.progress.waiting) {
            this.watch();
        }
    }

    get data() {
        return this.state.data;
    }

    // ------------------------------------------------------------------
    // First steps
    // ------------------------------------------------------------------

    step(key) {
        return this.data.steps.find((step) => step.key === key);
    }

    get countDone() {
        return this.data.steps.filter((step) => step.done).length;
    }

    get stepsDone() {
        return _t("%(done)s of %(all)s steps done", {
            done: this.integer(this.countDone),
            all: this.integer(this.data.steps.length),
        });
    }

    async take(key) {
        await this.orm.call(MODEL, "take_step", [key]);
        this.step(key).done = true;
    }

    async takeAndLoad(key) {
        await this.take(key);
        await this.load();
    }

    async dismiss() {
        await this.orm.call(MODEL, "dismiss_steps", []);
        await this.load();
    }

    openPolicy() {
        return this.open({
            action: "customer_tiering.customer_tiering_policy_action",
            res_id: this.data.steps[0].policy_id,
        });
    }

    async advise() {
        const policy = this.step("advise").policy_id;
        if (!policy) {
            return this.openPolicy();
        }
        const action = await this.orm.call("customer.tiering.policy", "action_advise", [[policy]]);
        await this.take("advise");
        return this.action.doAction(action, { onClose: () => this.load() });
    }

    async look() {
        await this.take("look");
        return this.open({ action: "customer_tiering.customer_tiering_scorecard_action" });
    }

    openPlaybooks() {
        return this.open({ action: "customer_tiering.customer_tiering_playbook_action" });
    }

    // ------------------------------------------------------------------
    // A computation under way
    // ------------------------------------------------------------------

    async compute() {
        this.state.message = "";
        const progress = await this.orm.call(MODEL, "compute", []);
        this.state.message = progress.text;
        await this.load();
    }

    /** Ask again and again until nothing waits any more. */
    watch() {
        browser.clearTimeout(this.timer);
        this.state.started = this.state.started || Date.now();
        this.timer = browser.setTimeout(async () => {
            const progress = await this.orm.silent.call(MODEL, "get_progress", []);
            if (this.isGone) {
                return;
            }
            this.state.data.progress = progress;
            this.state.seconds = Math.round((Date.now() - this.state.started) / 1000);
            if (progress.waiting) {
                this.watch();
            } else {
                this.state.started = this.state.seconds = 0;
                this.state.message = "";
                await this.load();
            }
        }, PATIENCE);
    }

    get progressText() {
        const { waiting, begun } = this.data.progress;
        const numbers = { waiting: this.integer(waiting), seconds: this.integer(this.state.seconds) };
        return begun
            ? _t("Computing. Policies to go: %(waiting)s. You have waited for %(seconds)s seconds.", numbers)
            : _t("The computation starts in a moment. You have waited for %(seconds)s seconds.", numbers);
    }

    // ------------------------------------------------------------------
    // Numbers
    // ------------------------------------------------------------------

    get cards() {
        const { numbers, links } = this.data;
        const moves = { action: "customer_tiering.customer_tiering_moves_report_action" };
        return [
            {
                key: "customers",
                name: _t("Customers"),
                value: this.integer(numbers.customers),
                more: _t("%(number)s of them in a tier", { number: this.integer(numbers.tiered) }),
                link: links.customers,
            },
            {
                key: "amount",
                name: _t("Amount in the Window"),
                value: this.money(numbers.amount),
                link: links.customers,
            },
            {
                key: "loss",
                name: _t("Amount at Risk"),
                value: this.money(numbers.loss),
                more: _t("what is lost if nobody wins the customers at risk back"),
                link: links.loss,
            },
            {
                key: "moves",
                name: _t("Moves since %(day)s", { day: this.day(numbers.moves_since) }),
                value: _t("▲ %(up)s ▼ %(down)s", { up: this.integer(numbers.up), down: this.integer(numbers.down) }),
                label: _t("Moved up: %(up)s, moved down: %(down)s", {
                    up: this.integer(numbers.up),
                    down: this.integer(numbers.down),
                }),
                more: _t("new: %(new)s, gone: %(gone)s", {
                    new: this.integer(numbers.new),
                    gone: this.integer(numbers.gone),
                }),
                link: moves,
            },
            {
                key: "due",
                name: _t("Follow-ups Due"),
                value: this.integer(numbers.due),
                more: _t("today or before"),
                link: links.due,
            },
            {
                key: "done",
                name: _t("Follow-ups Done"),
                value: this.integer(numbers.done),
                more: _t("in the last 30 days"),
                link: links.done,
            },
        ];
    }

    /** What a cell of the table has: customers or their amount. */
    cell(day, tier) {
        return this.byCell.get(`${day}/${tier}`)?.[this.state.measure] || 0;
    }

    get byCell() {
        if (this.cellsOf !== this.data.rows) {
            this.cells = new Map(this.data.rows.map((row) => [`${row.day}/${row.place}`, row]));
            this.cellsOf = this.data.rows;
        }
        return this.cells;
    }

    total(day) {
        return this.data.tiers.reduce((sum, tier) => sum + this.cell(day, tier.id), 0);
    }

    get hasRules() {
        return this.data.days.some((day) => day.rules.length);
    }

    get beginText() {
        return _t("Nobody was in a tier before %(day)s: the history begins then.", { day: this.day(this.data.begin) });
    }

    get beginsLater() {
        return Boolean(this.data.begin) && this.data.begin > this.data.days[0].day;
    }

    number(value) {
        return this.state.measure === "customers" ? this.integer(value) : this.money(value);
    }

    integer(value) {
        return formatInteger(value);
    }

    money(value, options = {}) {
        return formatMonetary(value, { currencyId: this.data.currency_id, digits: [16, 0], ...options });
    }

    day(text) {
        return formatDate(deserializeDate(text));
    }

    /** The name of one of the days: a month, and today. */
    label(index) {
        const { days } = this.data;
        return index === days.length - 1
            ? _t("Today")
            : deserializeDate(days[index].day).toLocaleString({ month: "short", year: "numeric" });
    }

    title(index, tier) {
        return _t("%(tier)s, %(day)s: %(number)s", {
            tier: tier.name,
            day: this.label(index),
            number: this.number(this.cell(index, tier.id)),
        });
    }

    // ------------------------------------------------------------------
    // The picture
    // ------------------------------------------------------------------

    get pictureLabel() {
        return this.state.measure === "customers"
            ? _t("Customers in each tier at the end of the last months. The table beside has the numbers.")
            : _t("Amount of the customers in each tier at the end of the last months. The table beside has the numbers.");
    }

    draw() {
        this.chart?.destroy();
        this.chart = null;
        if (!this.canvas.el) {
            return;
        }
        const { data } = this;
        const text = getComputedStyle(this.canvas.el).color;
        const grid = getComputedStyle(this.canvas.el).getPropertyValue("--border-color") || text;
        // The lowest tier at the bottom.
        const datasets = data.is_computed
            ? data.tiers.toReversed().map((tier) => ({
                  tier,
                  label: tier.name,
                  data: data.days.map((_day, index) => this.cell(index, tier.id)),
                  ...this.getColors(tier.id),
              }))
            : EXAMPLE.toReversed().map((numbers, place) => ({
                  label: "",
                  data: numbers,
                  backgroundColor: `rgba(128, 128, 128, ${0.2 + 0.15 * place})`,
              }));
        const labels = data.days.map((_day, index) => this.label(index));
        this.chart = new Chart(this.canvas.el, {
            type: "bar",
            data: { labels, datasets },
            plugins: [{ id: "rules", afterDraw: (chart) => this.drawRules(chart, text) }],
            options: {
                animation: false,
                layout: { padding: { top: 16 } },
                maintainAspectRatio: false,
                onClick: (_ev, [bar]) => bar && data.is_computed && this.openCell(bar.index, datasets[bar.datasetIndex].tier),
                plugins: {
                    legend: { display: false },
                    tooltip: {
                        enabled: data.is_computed,
                        callbacks: { label: (item) => this.title(item.dataIndex, item.dataset.tier) },
                    },
                },
                scales: {
                    x: { stacked: true, grid: { display: false }, ticks: { color: text } },
                    y: {
                        stacked: true,
                        beginAtZero: true,
                        grid: { color: grid },
                        ticks: {
                            color: text,
                            precision: 0,
                            display: data.is_computed,
                            callback: (value) =>
                                this.state.measure === "customers"
                                    ? this.integer(value)
                                    : this.money(value, { humanReadable: true, minDigits: 4 }),
                        },
                    },
                },
            },
        });
    }

    /** Where other rules have moved customers: a mark above the bar, and a line down to the axis. */
    drawRules(chart, color) {
        const { ctx, chartArea, scales } = chart;
        ctx.save();
        ctx.fillStyle = ctx.strokeStyle = color;
        ctx.textAlign = "center";
        ctx.setLineDash([4, 4]);
        for (const [index, { rules }] of this.data.days.entries()) {
            if (rules.length) {
                const x = scales.x.getPixelForValue(index);
                ctx.fillText("◆", x, chartArea.top - 4);
                ctx.beginPath();
                ctx.moveTo(x, chartArea.top);
                ctx.lineTo(x, chartArea.bottom);
                ctx.stroke();
            }
        }
        ctx.restore();
    }

    /** A tier has the colour that it has everywhere: that of its badge in the legend. */
    getColors(id) {
        const badge = this.legend.el?.querySelector(`[data-tier="${id}"]`);
        const look = badge && getComputedStyle(badge);
        return look ? { backgroundColor: look.backgroundColor, borderColor: look.color, borderWidth: 1 } : {};
    }

    // ------------------------------------------------------------------
    // Where it leads to
    // ------------------------------------------------------------------

    async open({ action, name, domain, res_id, view }) {
        const found = await this.action.loadAction(action);
        if (found.type !== "ir.actions.act_window") {
            return this.action.doAction(found);
        }
        const more = { context: {} };
        if (name) {
            more.name = more.display_name = name;
        }
        if (domain) {
            more.domain = domain;
        }
        if (res_id) {
            Object.assign(more, { res_id, views: found.views.filter(([_id, type]) => type === "form") });
        }
        return this.action.doAction({ ...found, ...(domain || res_id ? more : {}) }, { viewType: view || undefined });
    }

    openRules(rule) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "customer.tiering.policy.version",
            res_id: rule.id,
            views: [[false, "form"]],
        });
    }

    async openCell(index, tier) {
        const { day } = this.data.days[index];
        const ids = await this.orm.call("customer.tiering.moves.report", "get_customers", [
            "tier",
            day,
            day,
            tier.id,
            tier.id,
            null,
        ]);
        return this.action.doAction(getCustomersAction(_t("%(tier)s, %(day)s", { tier: tier.name, day: this.day(day) }), ids));
    }
}

registry.category("actions").add("customer_tiering.overview", TieringOverview);
