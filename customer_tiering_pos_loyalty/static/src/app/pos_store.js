import { PosStore } from "@point_of_sale/app/services/pos_store";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import "@customer_tiering_pos/app/pos_store";
import "@pos_loyalty/app/services/pos_store";

patch(PosStore.prototype, {
    getTierFields() {
        return [...super.getTierFields(), "tiering_till_tier_number", "tiering_till_points_factor"];
    },

    /** Programs and points follow the tier of the moment, and its prices. */
    async updateTier() {
        await super.updateTier(...arguments);
        await this.updateRewards();
    },

    async _updatePrograms() {
        // First, because without a connection the till may get no further than to the cards of the customer.
        this.getOrder()?.dropClosedPrograms();
        await super._updatePrograms(...arguments);
    },

    async activateCode(code) {
        const order = this.getOrder();
        const rule = this.models["loyalty.rule"].find(
            (each) => each.mode === "with_code" && (each.promo_barcode === code || each.code === code)
        );
        if (rule && !order.isOpenToTier(rule.program_id)) {
            return order.partner_id
                ? _t("That promo code is not for the tier of this customer.")
                : _t("That promo code is only for customers in some tiers. Choose the customer first.");
        }
        const before = order.partner_id;
        const result = await super.activateCode(...arguments);
        if (order.partner_id && order.partner_id !== before) {
            // by the code of a loyalty card
            await this.updateTier(order.partner_id, order);
        }
        return result;
    },
});
