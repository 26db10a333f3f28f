import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { formatFloat, formatInteger, formatPercentage } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onWillStart, useState } from "@odoo/owl";
import { getPicture, HEIGHT, WIDTH } from "./tier_effect_picture";

/** What came of a policy's tiers: at their borders, and hints about follow-ups and locks. */
export class TieringTierEffect extends Component {
    static template = "customer_tiering.TierEffect";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.keepLast = new KeepLast();
        this.width = WIDTH;
        this.height = HEIGHT;
        this.state = useState({
            policyId: this.props.action.params?.policy_id || false,
            past: 0,
            key: false,
            problem: "",
            busy: false,
            data: { policies: [], pasts: [], notes: [], tiers: [], called: [], locks: [] },
        });
        onWillStart(() => this.load());
    }

    load() {
        return this.ask(() => this.orm.call("customer.tiering.tier.effect.report", "get_data", [this.state.policyId]));
    }

    measureNow() {
        return this.ask(async () => {
            const { policyId, past } = this.state;
            await this.orm.call("customer.tiering.tier.effect.report", "measure_now", [policyId, past]);
            return this.orm.call("customer.tiering.tier.effect.report", "get_data", [policyId]);
        });
    }

    async ask(question) {
        this.state.busy = true;
        try {
            const data = await this.keepLast.add(question());
            Object.assign(this.state, { data, policyId: data.policy_id, past: data.past, problem: "" });
            if (!data.tiers.some((tier) => tier.key === this.state.key)) {
                this.state.key = data.tiers.length ? data.tiers[0].key : false;
            }
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

    onPast(ev) {
        this.state.past = Number(ev.target.value);
    }

    get tier() {
        return this.state.data.tiers.find((tier) => tier.key === this.state.key);
    }

    get headers() {
        return { called: _t("Followed up"), locks: _t("Locked") };
    }

    getPicture() {
        return getPicture(this.tier);
    }

    share(value) {
        return formatPercentage(value, { digits: [16, 0] });
    }

    score(value) {
        return formatFloat(value, { digits: [16, 1], trailingZeros: false });
    }

    /** Policies may have the same name. */
    policyLabel({ name, customers }) {
        return _t("%(policy)s (%(customers)s customers)", { policy: name, customers: formatInteger(customers) });
    }
}

registry.category("actions").add("customer_tiering.tier_effect", TieringTierEffect);
