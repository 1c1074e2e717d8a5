import type { AddressRange } from './address-range.ts';
import { contains, parseAddressRange } from './address-range.ts';

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
