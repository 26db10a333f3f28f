import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatInteger, formatPercentage } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";
import { getCustomersAction } from "../customers";
import { getPicture, HEIGHT, WIDTH } from "./foresight_picture";

const REPORT = "customer.tiering.foresight.report";

/** What the tiers of past month-ends foretold, other rules beside them, and better weights. */
export class TieringForesight extends Component {
    static template = "customer_tiering.Foresight";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.width = WIDTH;
        this.height = HEIGHT;
        this.state = useState({
            policyId: this.props.action.params?.policy_id || false,
            asked: [],
            top: 1,
            problem: "",
            busy: false,
            data: {
                policies: [],
                offered: [],
                notes: [],
                tops: [],
                points: [],
                sets: [],
                set_sentences: [],
                weights: [],
            },
        });
        onWillStart(() => this.load());
    }

    load() {
        return this.ask(() => this.orm.call(REPORT, "get_data", [this.state.policyId]));
    }

    computeNow() {
        return this.ask(async () => {
            const { policyId, asked } = this.state;
            await this.orm.call(REPORT, "compute_now", [policyId, [...asked]]);
            return this.orm.call(REPORT, "get_data", [policyId]);
        });
    }

    async ask(question) {
        this.state.busy = true;
        try {
            const data = await this.keepLast.add(question());
            const { policy_id: policyId, asked, top } = data;
            Object.assign(this.state, { data, policyId, asked: [...asked], top, problem: "" });
        } catch (error) {
            if (!error.data?.message) {
                throw error;
            }
            this.state.problem = error.data.message;
        } finally {
            this.state.busy = false;
        }
    }

    onPolicy(ev) {
        this.state.policyId = Number(ev.target.value);
        return this.load();
    }

    onSet(key, ev) {
        const others = this.state.asked.filter((asked) => asked !== key);
        this.state.asked = ev.target.checked ? [...others, key] : others;
    }

    isFull(key) {
        return this.state.asked.length >= this.state.data.most && !this.state.asked.includes(key);
    }

    get top() {
        return this.state.data.tops.find((top) => top.key === this.state.top);
    }

    /** The month-ends with what is told of the tiers that are shown. */
    get points() {
        const place = this.state.top - 1;
        return this.state.data.points.map(({ cuts, ...point }) => ({ ...point, ...cuts[place] }));
    }

    getPicture(points) {
        return getPicture(points);
    }

    async openCustomers(point) {
        const { policyId, top } = this.state;
        const ids = await this.orm.call(REPORT, "get_customers", [policyId, point.key, top]);
        const name = _t("%(tiers)s on %(day)s", { tiers: this.top.name, day: point.name });
        await this.action.doAction(getCustomersAction(name, ids));
    }

    openLabel({ count, name }) {
        return _t("Open the %(count)s customers of %(day)s", { count, day: name });
    }

    share(value) {
        return formatPercentage(value, { digits: [16, 0] });
    }

    /** Policies may have the same name. */
    policyLabel({ name, customers }) {
        return _t("%(policy)s (%(customers)s customers)", { policy: name, customers: formatInteger(customers) });
    }
}

registry.category("actions").add("customer_tiering.foresight", TieringForesight);
