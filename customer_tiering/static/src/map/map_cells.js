export const SIZE = 5;
/** Numbers of customers that are told as their share. */
export const SHARES = ["contacted", "by_email", "by_phone"];

/** The key of a cell, and back. */
export const getKey = (row, column) => `${row}-${column}`;
export const getPlace = (key) => key.split("-").map(Number);

/**
 * The cells of the rectangle between two, both with it.
 *
 * @param {string} from key of a cell
 * @param {string} to key of a cell
 * @returns {string[]} keys
 */
export function getRectangle(from, to) {
    const [rows, columns] = [0, 1].map((axis) => [getPlace(from)[axis], getPlace(to)[axis]].sort((a, b) => a - b));
    const keys = [];
    for (let row = rows[0]; row <= rows[1]; row++) {
        for (let column = columns[0]; column <= columns[1]; column++) {
            keys.push(getKey(row, column));
        }
    }
    return keys;
}

/**
 * The cell beside another, for the arrow keys: rows are shown from the best, 5, to the worst, 1.
 *
 * @param {string} key of a cell
 * @param {string} arrow what the browser calls the key
 * @returns {string|null} null: it is none of the four arrows; at the edge, the same cell
 */
export function getNeighbour(key, arrow) {
    const step = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[arrow];
    if (!step) {
        return null;
    }
    const [row, column] = getPlace(key).map((number, axis) => Math.min(Math.max(number + step[axis], 1), SIZE));
    return getKey(row, column);
}

/**
 * What a measure is in a cell.
 *
 * @param {Object|undefined} cell with customers, amount, expected_loss and SHARES
 * @param {string} measure one of these; SHARES are in percent
 * @returns {number|null} null: of nobody, or not known
 */
export function getValue(cell, measure) {
    if (!cell || !(measure in cell) || (SHARES.includes(measure) && !cell.customers)) {
        return null;
    }
    return SHARES.includes(measure) ? (100 * cell[measure]) / cell.customers : cell[measure];
}

/**
 * What some cells hold together.
 *
 * @param {Object[]} cells
 * @returns {Object} with customers, amount, expected_loss and SHARES
 */
export function addUp(cells) {
    const total = { customers: 0, amount: 0, expected_loss: 0, contacted: 0, by_email: 0, by_phone: 0 };
    for (const cell of cells) {
        for (const name in total) {
            total[name] += cell[name];
        }
    }
    return total;
}
