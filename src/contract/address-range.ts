/** A range of IP addresses in CIDR notation, as bits: IPv4 is what IPv6 maps it to. */
export interface AddressRange {
  readonly bits: bigint;
  /** How many of the 128 bits, from the highest, an address must share. */
  readonly prefix: number;
}

const MAPPED = 0xffffn << 32n;
const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** `10.0.0.0/8`, `2001:db8::/32` or a single address; undefined for any other text, and for a range with bits below its prefix. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bits = parseAddress(address);
  if (bits === undefined || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const whole = V4.test(address) ? 32 : 128;
  const prefix = length === undefined ? 128 : 128 - whole + Number(length);
  if (prefix > 128) return undefined;
  return (bits & ((1n << BigInt(128 - prefix)) - 1n)) === 0n ? { bits, prefix } : undefined;
}

export const isAddressRange = (text: string): boolean => parseAddressRange(text) !== undefined;

/** Whether `inner` lies within `outer`. */
export const contains = (outer: AddressRange, inner: AddressRange): boolean =>
  outer.prefix <= inner.prefix && outer.bits >> BigInt(128 - outer.prefix) === inner.bits >> BigInt(128 - outer.prefix);

function parseAddress(text: string): bigint | undefined {
  const v4 = V4.exec(text);
  if (v4 !== null) {
    const parts = v4.slice(1).map(Number);
    return parts.some((part) => part > 255) ? undefined : parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n) | MAPPED;
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = groups.flat();
  if (given.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - given.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...(groups[0] ?? []), ...Array.from({ length: halves.length === 1 ? 0 : missing }, () => '0'), ...(groups[1] ?? [])];
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
