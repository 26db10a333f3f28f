import { getScale } from "../tier_effect/tier_effect_picture";

/** Size of the picture in its own units: it is as wide as its place. */
export const WIDTH = 480;
export const HEIGHT = 260;
const LEFT = 44;
const RIGHT = 36;
const TOP = 12;
const BOTTOM = 26;
/** So many months are named. */
const NAMES = 4;
const SERIES = ["best", "naive", "share"];

/**
 * The picture of month-ends: a line for each share, and a mark on each month-end, an open one where half a year is known.
 *
 * @param {Object[]} points with is_half and, of the tiers that are shown, share, naive and best, 0 to 1 or null
 * @returns {Object} with the lines, the places of the months, the axis and the borders of the drawing
 */
export function getPicture(points) {
    const shares = points.flatMap((point) => SERIES.map((name) => point[name])).filter((share) => share !== null);
    const { low, high, step } = getScale(shares.length ? shares : [0, 1]);
    const width = (WIDTH - LEFT - RIGHT) / Math.max(points.length - 1, 1);
    const getX = (index) => LEFT + width * index;
    const getY = (share) => TOP + (1 - (share - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const every = Math.ceil(points.length / NAMES);
    return {
        lines: SERIES.map((name) => {
            const marks = points
                .map((point, index) => ({ index, share: point[name], isHalf: point.is_half, x: getX(index) }))
                .filter(({ share }) => share !== null)
                .map((mark) => ({ ...mark, y: getY(mark.share) }));
            // A month-end of which nothing is known breaks the line.
            const path = marks.map(({ index, x, y }, place) => {
                const follows = place && marks[place - 1].index === index - 1;
                return `${follows ? "L" : "M"} ${x} ${y}`;
            });
            return { name, marks, path: path.join(" ") };
        }),
        months: points.map((_point, index) => ({
            index,
            x: getX(index),
            left: Math.max(getX(index) - width / 2, 0),
            width,
            isNamed: index % every === 0,
        })),
        axis: Array.from({ length: Math.round((high - low) / step) + 1 }, (_, number) => ({
            share: low + number * step,
            y: getY(low + number * step),
        })),
        left: LEFT,
        right: WIDTH - RIGHT,
        top: TOP,
        base: HEIGHT - BOTTOM,
    };
}
