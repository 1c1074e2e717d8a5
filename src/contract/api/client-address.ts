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

const HOST_PATTERN = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `*.gpu.example.com`, `replica-1.example.com`, an address, or a CIDR range. */
export const isHostPattern = (text: string): boolean => isAddressRange(text) || (HOST_PATTERN.test(text) && !/^[\d.]+$/.test(text));

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

/** Where a request came from, as far as it can be proved. */
export interface Hops {
  /** The address at the other end of the connection, as reported by the platform; undefined where it is not known. */
  readonly peer: string | undefined;
  /** `x-forwarded-for`: the addresses noted by proxies on the path, the nearest last; any client can have begun the list. */
  readonly forwardedFor: string | null;
}

/** The ranges of proxies that are believed; undefined if one of them is none. */
export function parseProxies(text: string): readonly AddressRange[] | undefined {
  const ranges = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [parseAddressRange(item.trim())]));
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

/**
 * The nearest address that is not a trusted proxy's: what a trusted proxy noted is believed, anything else is not. Undefined when a trusted
 * proxy noted something that is not an address.
 */
export function clientAddress({ peer, forwardedFor }: Hops, proxies: readonly AddressRange[]): string | undefined {
  const noted = forwardedFor === null ? [] : forwardedFor.split(',').map((item) => item.trim());
  let nearest = peer;
  for (;;) {
    const range = nearest === undefined ? undefined : parseAddressRange(nearest);
    if (range === undefined || range.prefix !== 128) return undefined;
    if (!proxies.some((proxy) => contains(proxy, range)) || noted.length === 0) return nearest;
    nearest = noted.pop();
  }
}
