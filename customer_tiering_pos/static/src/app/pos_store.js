import { PosStore } from "@point_of_sale/app/services/pos_store";
import { patch } from "@web/core/utils/patch";

patch(PosStore.prototype, {
    setPartnerToCurrentOrder(partner) {
        super.setPartnerToCurrentOrder(...arguments);
        if (partner) {
            this.updateTier(partner, this.getOrder());
        }
    },

    /** @returns {string[]} what may have changed since the till has loaded its customers */
    getTierFields() {
        return ["tiering_till_tier", "tiering_till_color", "property_product_pricelist"];
    },

    /**
     * Ask the server for the tier of a customer and its pricelist, of which the order gets the prices unless somebody
     * has gone on meanwhile. Without a connection everything stays as it was loaded.
     *
     * @param {Object} partner the customer who was chosen
     * @param {Object} order the order that it was chosen for
     */
    async updateTier(partner, order) {
        const used = order.pricelist_id?.id;
        const known = partner.property_product_pricelist?.id;
        const asked = [[partner.id], this.getTierFields()];
        const records = await this.data.silentCall("res.partner", "read", asked, { load: false });
        if (!records?.length) {
            return;
        }
        const { id: _id, property_product_pricelist, ...values } = records[0];
        partner.update({
            ...values,
            // One that the till does not have gives its default, as when it is opened.
            property_product_pricelist: this.models["product.pricelist"].get(property_product_pricelist),
        });
        this.data.synchronizeServerDataInIndexedDB({ "res.partner": [partner.raw] });
        if (
            partner.property_product_pricelist?.id !== known &&
            order.partner_id?.id === partner.id &&
            order.pricelist_id?.id === used &&
            !order.finalized
        ) {
            order.updatePricelistAndFiscalPosition(partner);
        }
    },
});
