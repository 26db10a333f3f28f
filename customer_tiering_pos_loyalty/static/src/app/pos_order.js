import { PosOrder } from "@point_of_sale/app/models/pos_order";
import { patch } from "@web/core/utils/patch";
// Patched before this addon does: a program that is closed gives nothing.
import "@pos_loyalty/app/models/pos_order";

patch(PosOrder.prototype, {
    /**
     * @param {Object} program
     * @returns {boolean} whether the customer may have it; without a customer only what everybody may have
     */
    isOpenToTier(program) {
        const tiers = [...(program.tiering_tier_ids || [])];
        return !tiers.length || tiers.includes(this.partner_id?.tiering_till_tier_number);
    },

    /**
     * @param {Object} program
     * @returns {number} by what its points are multiplied
     */
    getPointsFactor(program) {
        const partner = this.partner_id;
        if (program.program_type !== "loyalty" || !partner?.tiering_till_tier_number) {
            return 1;
        }
        return partner.tiering_till_points_factor;
    },

    _programIsApplicable(program) {
        return this.isOpenToTier(program) && super._programIsApplicable(...arguments);
    },

    pointsForPrograms() {
        const result = super.pointsForPrograms(...arguments);
        for (const program of this.models["loyalty.program"].getAll()) {
            const factor = this.getPointsFactor(program);
            if (!this.isOpenToTier(program)) {
                // Also where nobody asked for it: the answer of the server may open it while the till is counting.
                result[program.id] = [];
            } else if (result[program.id] && factor !== 1) {
                result[program.id] = result[program.id]
                    .map((change) => ({ ...change, points: this.multiplyPoints(change.points, factor) }))
                    .filter(({ points }) => points);
            }
        }
        return result;
    },

    /** The points of goods that are given away are taken back as they were given. */
    _getPointsCorrection(program) {
        return this.multiplyPoints(super._getPointsCorrection(...arguments), this.getPointsFactor(program));
    },

    /** Where the goods that are given away earn points themselves, it counts with what they earn. */
    _computeUnclaimedFreeProductQty(reward, ...others) {
        return super._computeUnclaimedFreeProductQty(this.withPointsFactor(reward), ...others);
    },

    /**
     * @param {Object} reward
     * @returns {Object} the same, of a program that gives the multiplied points by itself
     */
    withPointsFactor(reward) {
        const program = reward.program_id;
        const factor = this.getPointsFactor(program);
        if (factor === 1) {
            return reward;
        }
        const rules = program.rule_ids.map((rule) =>
            Object.create(rule, { reward_point_amount: { value: rule.reward_point_amount * factor } })
        );
        // Of no type, so that nothing is multiplied twice.
        const multiplied = Object.create(program, { rule_ids: { value: rules }, program_type: { value: false } });
        return Object.create(reward, { program_id: { value: multiplied } });
    },

    /** Rounded as the till rounds points. */
    multiplyPoints(points, factor) {
        if (factor === 1) {
            return points;
        }
        const precision = this.models["decimal.precision"].find((each) => each.name === "Product Price");
        return precision.round(points * factor);
    },

    /** Forget what came from programs that are not for the customer's tier: points, scanned coupons and rewards. */
    dropClosedPrograms() {
        const changes = this.uiState.couponPointChanges;
        if (!changes || this.finalized) {
            return;
        }
        const isClosed = (program) => program && !this.isOpenToTier(program);
        const points = Object.keys(changes).filter((key) =>
            isClosed(this.models["loyalty.program"].get(changes[key].program_id))
        );
        const coupons = this._code_activated_coupon_ids.filter((coupon) => isClosed(coupon.program_id));
        for (const key of points) {
            delete changes[key];
        }
        if (coupons.length) {
            this._code_activated_coupon_ids = [["unlink", ...coupons]];
        }
        if (points.length || coupons.length) {
            this._updateRewardLines();
        }
    },
});
