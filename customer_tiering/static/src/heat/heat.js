/** So many shades has a heat map above nothing. */
export const SHADES = 5;

/**
 * The shade of a number among others, which all are written in their cells, too.
 *
 * @param {number} value
 * @param {number} most the largest of them
 * @returns {number} 0: nothing or less, else 1 to SHADES
 */
export function getShade(value, most) {
    if (!(value > 0) || !(most > 0)) {
        return 0;
    }
    return Math.min(Math.ceil((value / most) * SHADES - 1e-9), SHADES);
}

/**
 * Where each shade ends, for the legend.
 *
 * @param {number} most the largest number
 * @returns {Object[]} with shade, and the last number that has it
 */
export function getLegend(most) {
    return Array.from({ length: SHADES }, (_, place) => ({ shade: place + 1, last: (most * (place + 1)) / SHADES }));
}
