import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { getCustomersAction } from "../customers";
import { PolicyReport } from "../policy_report/policy_report";
import { getPicture, HEIGHT, WIDTH } from "./foresight_picture";

/** What the tiers of past month-ends foretold, other rules beside them, and better weights. */
export class TieringForesight extends PolicyReport {
    static template = "customer_tiering.Foresight";
    static report = "customer.tiering.foresight.report";
    width = WIDTH;
    height = HEIGHT;

    setup() {
        super.setup();
        this.action = useService("action");
    }

    getStart() {
        return {
            asked: [],
            top: 1,
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
        };
    }

    choose({ asked, top }) {
        Object.assign(this.state, { asked: [...asked], top });
    }

    computeNow() {
        return this.renew("compute_now", [...this.question, [...this.state.asked]]);
    }

    onSet(key, ev) {
        const others = this.state.asked.filter((asked) => asked !== key);
        this.state.asked = ev.target.checked ? [...others, key] : others;
    }

    isFull(key) {
        return this.state.asked.length >= this.state.data.most && !this.state.asked.includes(key);
    }

    /** Why some of them cannot be chosen. */
    get mostNote() {
        return _t("At most %(number)s at once.", { number: this.state.data.most });
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
        const ids = await this.askReport("get_customers", [policyId, point.key, top]);
        const name = _t("%(tiers)s on %(day)s", { tiers: this.top.name, day: point.name });
        await this.action.doAction(getCustomersAction(name, ids));
    }

    openLabel({ count, name }) {
        return _t("Open the customers of %(day)s: %(count)s", { count, day: name });
    }
}

registry.category("actions").add("customer_tiering.foresight", TieringForesight);
