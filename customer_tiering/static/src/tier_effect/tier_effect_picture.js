/** Size of the picture in its own units: it is as wide as its place. */
export const WIDTH = 360;
export const HEIGHT = 260;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 38;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25];

/** The least and the most share of the picture, with four steps or fewer between them, and the step. */
export function getScale(shares) {
    const least = Math.max(Math.min(...shares), 0);
    const most = Math.min(Math.max(...shares), 1);
    const step = STEPS.find((each) => Math.ceil(most / each) - Math.floor(least / each) <= 4) || 0.25;
    const low = Math.floor(least / step) * step;
    return { low, high: Math.max(Math.ceil(most / step) * step, low + step), step };
}

/**
 * The picture of a border: a dot for each group of customers, the larger the more of them, and a line on each side.
 *
 * @param {Object} tier with floor, dots (away, customers, share) and lines ([away, share, away, share])
 * @returns {Object} with the dots, the lines, the axes and the borders of the drawing
 */
export function getPicture({ floor, dots, lines }) {
    const ends = lines.flatMap(([, from, , to]) => [from, to]);
    const { low, high, step } = getScale([...dots.map((dot) => dot.share), ...ends]);
    const aways = dots.map((dot) => dot.away);
    const reach = 2.5 * Math.ceil(Math.max(...aways.map((away) => Math.abs(away) + 1.25)) / 2.5);
    const getX = (away) => LEFT + ((away + reach) / (2 * reach)) * (WIDTH - LEFT - RIGHT);
    const getY = (share) => TOP + (1 - (share - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const most = Math.max(...dots.map((dot) => dot.customers));
    const inside = (share) => Math.min(Math.max(share, low), high);
    return {
        dots: dots.map((dot, index) => ({
            index,
            x: getX(dot.away),
            y: getY(dot.share),
            radius: 3 + 5 * Math.sqrt(dot.customers / most),
        })),
        lines: lines.map(([from, fromShare, to, toShare], index) => ({
            index,
            x1: getX(from),
            y1: getY(inside(fromShare)),
            x2: getX(to),
            y2: getY(inside(toShare)),
        })),
        shares: Array.from({ length: Math.round((high - low) / step) + 1 }, (_, number) => ({
            share: low + number * step,
            y: getY(low + number * step),
        })),
        scores: [-reach, -reach / 2, 0, reach / 2, reach]
            .filter((away) => floor + away >= 0 && floor + away <= 100)
            .map((away) => ({ score: floor + away, x: getX(away) })),
        border: getX(0),
        left: LEFT,
        right: WIDTH - RIGHT,
        top: TOP,
        base: HEIGHT - BOTTOM,
    };
}
