/** From the numbers of customers to the curve of their net profit; nothing here knows of a screen. */

/** What share of the profit the head brings. */
const HEAD = 0.8;

/**
 * The net profit of each customer: margin less what serving costs, each cost is rounded as the scorecards have it.
 *
 * @param {Object} arrays by name: `margin`, and of each cost what it is multiplied by
 * @param {{key: string, rate: number}[]} costs
 * @param {number} decimals of the currency
 * @returns {Float64Array}
 */
export function getNet(arrays, costs, decimals) {
    const unit = 10 ** decimals;
    const net = Float64Array.from(arrays.margin);
    for (const { key, rate } of costs) {
        const much = arrays[key];
        for (let place = 0; place < net.length; place++) {
            if (much[place] > 0) {
                net[place] -= Math.round(much[place] * rate * unit) / unit;
            }
        }
    }
    return net;
}

/**
 * The curve from the best to the worst.
 *
 * @param {Float64Array} net
 * @param {number} points
 * @returns {{sorted: Float64Array, ranks: number[], cumulated: number[], total: number}} net profits from the best to
 *      the worst; and of each point how many customers it has, and what they bring together
 */
export function getCurve(net, points) {
    const sorted = net.slice().sort().reverse();
    const ranks = [0];
    const cumulated = [0];
    let total = 0;
    let place = 0;
    const count = Math.min(points, sorted.length);
    for (let point = 1; point <= count; point++) {
        const rank = Math.round((point * sorted.length) / count);
        for (; place < rank; place++) {
            total += sorted[place];
        }
        ranks.push(rank);
        cumulated.push(total);
    }
    return { sorted, ranks, cumulated, total };
}

/**
 * Head, back and tail: those who bring four fifths of what all with a profit bring, the others with a profit or none, and
 * those below zero. Those without customers are left out.
 *
 * @param {Float64Array} sorted from the best to the worst
 * @returns {{name: string, count: number, profit: number, least: number, most: number}[]}
 */
export function getSections(sorted) {
    let peak = 0;
    let tail = 0;
    for (; tail < sorted.length && sorted[tail] >= 0; tail++) {
        peak += sorted[tail];
    }
    let head = 0;
    for (let sum = 0; head < tail && sum < HEAD * peak; head++) {
        sum += sorted[head];
    }
    const make = (name, first, last) => {
        let profit = 0;
        for (let place = first; place < last; place++) {
            profit += sorted[place];
        }
        return { name, count: last - first, profit, least: sorted[last - 1], most: sorted[first] };
    };
    return [make("head", 0, head), make("back", head, tail), make("tail", tail, sorted.length)].filter(
        (section) => section.count
    );
}
