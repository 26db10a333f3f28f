const SHARES = ["customers", "later"];

/**
 * What a measure is in a cell: a share in percent, or an amount per head.
 *
 * @param {Object} row a cohort with size and cells
 * @param {number} period counted from the cohort's own
 * @param {string} measure "customers", "later", "amount" or "cumulated"
 * @returns {number|null} null: the period is not over
 */
export function getNumber(row, period, measure) {
    const cell = row.cells[period];
    if (!cell || !row.size) {
        return null;
    }
    return (SHARES.includes(measure) ? 100 : 1) * (cell[measure] / row.size);
}

/** The largest number of the table, of shares without the first period, in which everybody bought. */
export function getMost(rows, measure) {
    const first = SHARES.includes(measure) ? 1 : 0;
    let most = 0;
    for (const row of rows) {
        for (let period = first; period < row.cells.length; period++) {
            most = Math.max(most, getNumber(row, period, measure));
        }
    }
    return most;
}

/**
 * All cohorts together: in each period those of which it is over.
 *
 * @param {Object[]} rows cohorts
 * @param {number} columns how many periods there are
 * @returns {Object[]} of each period a row of one cohort, so that getNumber(result[period], period, …) is its number
 */
export function addUpColumns(rows, columns) {
    return Array.from({ length: columns }, (_, period) => {
        const over = rows.filter((row) => row.cells[period]);
        const sum = (name) => over.reduce((total, row) => total + row.cells[period][name], 0);
        const cells = [];
        if (over.length) {
            cells[period] = {
                customers: sum("customers"),
                later: sum("later"),
                amount: sum("amount"),
                cumulated: sum("cumulated"),
            };
        }
        return { size: over.reduce((total, row) => total + row.size, 0), cells };
    });
}
