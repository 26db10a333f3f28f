import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { PolicyReport } from "../policy_report/policy_report";
import { getPicture, HEIGHT, WIDTH } from "./tier_effect_picture";

/** What came of a policy's tiers: at their borders, and hints about follow-ups and locks. */
export class TieringTierEffect extends PolicyReport {
    static template = "customer_tiering.TierEffect";
    static report = "customer.tiering.tier.effect.report";
    width = WIDTH;
    height = HEIGHT;

    getStart() {
        return {
            past: 0,
            key: false,
            data: { policies: [], pasts: [], notes: [], tiers: [], called: [], locks: [] },
        };
    }

    choose({ past, tiers }) {
        this.state.past = past;
        if (!tiers.some((tier) => tier.key === this.state.key)) {
            this.state.key = tiers.length ? tiers[0].key : false;
        }
    }

    measureNow() {
        return this.renew("measure_now", [...this.question, this.state.past]);
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

    score(value) {
        return formatFloat(value, { digits: [16, 1], trailingZeros: false });
    }
}

registry.category("actions").add("customer_tiering.tier_effect", TieringTierEffect);
