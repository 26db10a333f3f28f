/** Nowhere: no customer on that day. */
export const NOWHERE = 0;

/**
 * Sums over the rows that the server counted.
 *
 * @param {Object[]} rows with before, after, by_rules, customers and amount
 * @param {string} measure "customers" or "amount"
 * @returns {Object} functions that sum up a cell, a row or a column
 */
export function getSums(rows, measure) {
    const sum = (chosen) => rows.filter(chosen).reduce((total, row) => total + row[measure], 0);
    return {
        cell: (origin, target) => sum((row) => !row.by_rules && row.before === origin && row.after === target),
        ruledFrom: (origin) => sum((row) => row.by_rules && row.before === origin),
        ruledTo: (target) => sum((row) => row.by_rules && row.after === target),
        before: (origin) => sum((row) => row.before === origin),
        after: (target) => sum((row) => row.after === target),
    };
}

/**
 * Whether a move goes up (1), down (-1) or neither (0): places of one ladder stand from the highest to the lowest.
 */
export function getDirection(places, origin, target) {
    const from = places.findIndex((place) => place.id === origin);
    const to = places.findIndex((place) => place.id === target);
    if (from < 0 || to < 0 || places[from].ladder !== places[to].ladder) {
        return 0;
    }
    return Math.sign(from - to);
}

/**
 * The bands of the flow from the first day (left) to the last (right).
 *
 * @param {Object[]} rows see getSums
 * @param {Object[]} places with id, from top to bottom; nowhere comes last
 * @param {string} measure
 * @param {Object} size width, height, gap between two places and the width of a bar
 * @returns {{bars: Object[], bands: Object[]}} with what SVG draws: x, y, height; path and thickness
 */
export function getFlow(rows, places, measure, { width, height, gap, bar }) {
    const order = [...places.map((place) => place.id), NOWHERE];
    const value = (row) => Math.max(row[measure], 0);
    const total = (side, id) => rows.filter((row) => row[side] === id).reduce((sum, row) => sum + value(row), 0);
    const sides = ["before", "after"].map((side) => {
        const shown = order.filter((id) => total(side, id) > 0);
        return { side, shown, room: height - gap * Math.max(shown.length - 1, 0) };
    });
    const all = rows.reduce((sum, row) => sum + value(row), 0);
    if (!all) {
        return { bars: [], bands: [] };
    }
    const scale = Math.min(...sides.map(({ room }) => room)) / all;
    const bars = [];
    const starts = {};
    for (const { side, shown } of sides) {
        let y = 0;
        for (const id of shown) {
            const size = total(side, id) * scale;
            bars.push({ side, id, x: side === "before" ? 0 : width - bar, y, height: Math.max(size, 1) });
            starts[`${side}/${id}`] = y;
            y += size + gap;
        }
    }
    const bands = [];
    const rank = (id) => order.indexOf(id);
    const sorted = rows
        .filter((row) => value(row) > 0)
        .sort((a, b) => rank(a.before) - rank(b.before) || rank(a.after) - rank(b.after));
    const ends = { ...starts };
    for (const row of sorted) {
        const thickness = value(row) * scale;
        const left = ends[`before/${row.before}`];
        const right = ends[`after/${row.after}`];
        ends[`before/${row.before}`] += thickness;
        ends[`after/${row.after}`] += thickness;
        const [x0, x1, middle] = [bar, width - bar, width / 2];
        const [y0, y1] = [left + thickness / 2, right + thickness / 2];
        bands.push({
            row,
            thickness: Math.max(thickness, 0.75),
            path: `M ${x0} ${y0} C ${middle} ${y0}, ${middle} ${y1}, ${x1} ${y1}`,
        });
    }
    return { bars, bands };
}
