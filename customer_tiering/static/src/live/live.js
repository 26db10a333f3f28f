import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat, formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { Component, useState } from "@odoo/owl";
import { decode } from "../arrays";
import { getTiers } from "./live_tiers";

/**
 * The tiers of a policy with sliders for weights, floors or shares: how many customers each tier would have, and what they
 * bought for, follows at once.
 */
export class TieringLive extends Component {
    static template = "customer_tiering.Live";
    static components = { Dialog };
    static props = { data: Object, policyId: Number, onUsed: Function, close: Function };

    setup() {
        this.orm = useService("orm");
        const { data } = this.props;
        this.arrays = {
            points: data.points.map(decode),
            amount: decode(data.amount),
            bought: decode(data.bought),
        };
        this.state = useState({
            weights: data.criteria.map((criterion) => criterion.weight),
            tiers: data.tiers.map(({ floor, share }) => ({ floor, share })),
            counted: [],
            busy: false,
        });
        this.before = this.reckon();
        this.state.counted = this.before;
    }

    reckon() {
        return getTiers(this.props.data.method, this.arrays, this.state.weights, this.state.tiers);
    }

    get byScore() {
        return this.props.data.method === "score";
    }

    get byWeight() {
        return this.props.data.method !== "revenue_share" && this.props.data.criteria.length > 1;
    }

    get mostWeight() {
        return Math.max(2, ...this.props.data.criteria.map((criterion) => 2 * criterion.weight));
    }

    get total() {
        return this.state.tiers.reduce((sum, tier) => sum + tier.share, 0);
    }

    get isChanged() {
        const { data } = this.props;
        return (
            data.criteria.some((criterion, place) => criterion.weight !== this.state.weights[place]) ||
            data.tiers.some(
                (tier, place) =>
                    tier.floor !== this.state.tiers[place].floor || tier.share !== this.state.tiers[place].share
            )
        );
    }

    get problem() {
        if (this.byWeight && !this.state.weights.some((weight) => weight > 0)) {
            return _t("One criterion at least needs a weight above 0.");
        }
        if (!this.byScore && Math.abs(this.total - 100) > 0.005) {
            return _t("The shares add up to %(total)s%. They must make 100%.", { total: this.float(this.total) });
        }
        return "";
    }

    onWeight(place, ev) {
        this.state.weights[place] = Math.max(Number(ev.target.value) || 0, 0);
        this.state.counted = this.reckon();
    }

    /** A tier starts above the next lower one and below the next higher one. */
    onFloor(place, ev) {
        const { tiers } = this.state;
        const least = (tiers[place + 1]?.floor ?? 0) + 0.01;
        const most = place ? tiers[place - 1].floor - 0.01 : 100;
        tiers[place].floor = Math.round(100 * Math.min(Math.max(Number(ev.target.value) || 0, least), most)) / 100;
        ev.target.value = tiers[place].floor;
        this.state.counted = this.reckon();
    }

    /** What one tier takes, the next lower one gives; the lowest takes from the one above. */
    onShare(place, ev) {
        const { tiers } = this.state;
        const other = place + 1 < tiers.length ? place + 1 : place - 1;
        const both = tiers[place].share + tiers[other].share;
        tiers[place].share = Math.round(100 * Math.min(Math.max(Number(ev.target.value) || 0, 0.01), both - 0.01)) / 100;
        tiers[other].share = Math.round(100 * (both - tiers[place].share)) / 100;
        ev.target.value = tiers[place].share;
        this.state.counted = this.reckon();
    }

    reset() {
        const { data } = this.props;
        this.state.weights = data.criteria.map((criterion) => criterion.weight);
        this.state.tiers = data.tiers.map(({ floor, share }) => ({ floor, share }));
        this.state.counted = this.before;
    }

    async use(simulate) {
        const { data } = this.props;
        const by = (records, get) => Object.fromEntries(records.map((record, place) => [record.id, get(place)]));
        this.state.busy = true;
        try {
            const action = await this.orm.call("customer.tiering.live", "use", [
                this.props.policyId,
                {
                    weights: by(data.criteria, (place) => this.state.weights[place]),
                    ...(this.byScore
                        ? { floors: by(data.tiers, (place) => this.state.tiers[place].floor) }
                        : { shares: by(data.tiers, (place) => this.state.tiers[place].share) }),
                },
                simulate,
            ]);
            await this.props.onUsed(action);
            this.props.close();
        } finally {
            this.state.busy = false;
        }
    }

    change(place, name) {
        return this.state.counted[place][name] - this.before[place][name];
    }

    changeText(place) {
        const change = this.change(place, "customers");
        return change ? `${change > 0 ? "+" : "−"}${this.integer(Math.abs(change))}` : "";
    }

    width(place) {
        return (100 * this.state.counted[place].customers) / Math.max(this.props.data.customers, 1);
    }

    integer(value) {
        return formatInteger(value);
    }

    float(value) {
        return formatFloat(value, { digits: [16, 2] });
    }

    money(value) {
        return formatMonetary(value, { currencyId: this.props.data.currency_id, digits: [16, 0] });
    }
}

/** Opens it for a policy; what is used comes back to the form. */
async function openLive(env, action) {
    const { orm, dialog, action: actionService } = env.services;
    const policyId = action.params.policy_id;
    const data = await orm.call("customer.tiering.live", "get_data", [policyId]);
    dialog.add(TieringLive, {
        data,
        policyId,
        onUsed: (next) => actionService.doAction(next || { type: "ir.actions.client", tag: "soft_reload" }),
    });
}

registry.category("actions").add("customer_tiering.live", openLive);
