const TYPES = {
    Uint8: Uint8Array,
    Uint16: Uint16Array,
    Int32: Int32Array,
    Float32: Float32Array,
    Float64: Float64Array,
};

/**
 * The numbers that `arrays.py` has encoded.
 *
 * @param {[string, string]} encoded the kind of numbers, and base64 of them
 * @returns {Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array}
 */
export function decode([kind, text]) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new TYPES[kind](bytes.buffer);
}
