/** Percentages that differ by less are the same, as the engine rounds them. */
const SHARE_UNIT = 1e6;

/**
 * The score of each customer, in hundredths: the average of the points by weight, of those that are known.
 *
 * @param {Float32Array[]} points of each criterion, NaN: left out
 * @param {number[]} weights
 */
export function getScores(points, weights) {
    const count = points.length ? points[0].length : 0;
    const scores = new Int32Array(count);
    for (let customer = 0; customer < count; customer++) {
        let [sum, weight] = [0, 0];
        for (let place = 0; place < points.length; place++) {
            const value = points[place][customer];
            if (value === value) {
                sum += value * weights[place];
                weight += weights[place];
            }
        }
        scores[customer] = weight > 0 ? Math.round((100 * sum) / weight) : 0;
    }
    return scores;
}

/**
 * The least good value in each tier but the lowest, the highest tier first: a value belongs to the highest tier whose
 * cumulated share is above the share of all that is strictly better.
 *
 * @param {Float64Array} values
 * @param {boolean} bySize whether each adds its value to the whole, not one
 * @param {number[]} shares percent, the highest tier first
 */
export function getCuts(values, bySize, shares) {
    // Numbers in an array of numbers are sorted without a function that compares them, which takes a tenth of the time.
    const sorted = values.slice().sort().reverse();
    let whole = sorted.length;
    if (bySize) {
        whole = sorted.reduce((sum, value) => sum + value, 0);
    }
    const cuts = [];
    let cumulated = 0;
    const limits = shares.slice(0, -1).map((share) => (cumulated += share));
    let before = 0;
    let next = 0;
    let last = null;
    for (let place = 0; place < sorted.length && next < limits.length; ) {
        const value = sorted[place];
        const share = Math.round((100 * before * SHARE_UNIT) / whole) / SHARE_UNIT;
        while (next < limits.length && last !== null && share >= Math.round(limits[next] * SHARE_UNIT) / SHARE_UNIT) {
            cuts.push(last);
            next++;
        }
        while (place < sorted.length && sorted[place] === value) {
            before += bySize ? value : 1;
            place++;
        }
        last = value;
    }
    while (cuts.length < limits.length) {
        cuts.push(last === null ? Infinity : last);
    }
    return cuts;
}

/**
 * How many customers each tier has, and what they bought for, the highest tier first.
 *
 * @param {ArrayLike<number>} values
 * @param {number[]} cuts the least value of each tier but the lowest, descending
 * @param {Float64Array} amounts
 */
export function count(values, cuts, amounts) {
    const tiers = Array.from({ length: cuts.length + 1 }, () => ({ customers: 0, amount: 0 }));
    for (let customer = 0; customer < values.length; customer++) {
        let place = 0;
        while (place < cuts.length && !(values[customer] >= cuts[place])) {
            place++;
        }
        tiers[place].customers++;
        tiers[place].amount += amounts[customer];
    }
    return tiers;
}

/**
 * The tiers by a method.
 *
 * @param {string} method "score", "customer_share" or "revenue_share"
 * @param {Object} arrays points, amount and bought of each customer
 * @param {number[]} weights of the criteria
 * @param {{floor: number, share: number}[]} tiers the highest first
 */
export function getTiers(method, { points, amount, bought }, weights, tiers) {
    if (method === "score") {
        const floors = tiers.slice(0, -1).map((tier) => Math.round(100 * tier.floor));
        return count(getScores(points, weights), floors, amount);
    }
    const shares = tiers.map((tier) => tier.share);
    const byRevenue = method === "revenue_share";
    const values = byRevenue ? amount : getScores(points, weights);
    // Compared are those who bought in the window; of revenue only what is above nothing.
    const compared = new Float64Array(values.length);
    let buyers = 0;
    for (let customer = 0; customer < values.length; customer++) {
        if (bought[customer] && (!byRevenue || values[customer] > 0)) {
            compared[buyers++] = values[customer];
        }
    }
    return count(values, getCuts(compared.subarray(0, buyers), byRevenue, shares), amount);
}
