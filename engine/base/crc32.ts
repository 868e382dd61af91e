/**
 * What CRC-32 over a hole needs: extending a CRC by zeros without reading them. The CRC of real
 * bytes is the platform's (`Platform.crc32`).
 */

/** The reflected polynomial of IEEE 802.3, as in ZIP and zlib. */
const POLYNOMIAL = 0xedb88320;

/** `powers[k]` = x^(2^k) modulo the polynomial, bits reflected: bit 31 is x^0. */
const powers: readonly number[] = (() => {
  const table = [0x40000000];
  for (let k = 1; k < 64; k++) {
    const last = table[k - 1] as number;
    table.push(multiply(last, last));
  }
  return table;
})();

/** The CRC-32 of `bytes ‖ 0^zeros`, given the CRC-32 of `bytes`. Time grows with log2(zeros). */
export function crc32Zeros(crc: number, zeros: number): number {
  // Without the final inversion, appending a zero bit is multiplying by x.
  let factor = 0x80000000;
  let rest = zeros;
  // Bits of 8·zeros: beginning at k = 3 multiplies by eight.
  for (let k = 3; rest > 0; k++) {
    if (rest % 2 === 1) factor = multiply(powers[k] as number, factor);
    rest = Math.floor(rest / 2);
  }
  return (multiply(factor, ~crc >>> 0) ^ 0xffffffff) >>> 0;
}

/** a · b modulo the polynomial, both reflected. */
function multiply(a: number, b: number): number {
  let product = 0;
  let term = b;
  for (let bit = 31; bit >= 0; bit--) {
    if (((a >>> bit) & 1) === 1) product ^= term;
    term = (term & 1) === 1 ? (term >>> 1) ^ POLYNOMIAL : term >>> 1;
  }
  return product >>> 0;
}
