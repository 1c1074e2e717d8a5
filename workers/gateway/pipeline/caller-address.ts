import { clientAddress, parseProxies } from '../../../src/contract/api/client-address.ts';

/** How a deployment determines its callers' addresses. */
export interface AddressEnv {
  /** The header in which the platform itself states the address of a connection, whatever its caller sends: `cf-connecting-ip`. */
  readonly PEER_ADDRESS_HEADER?: string;
  /** Where all connections come from, if that is known: on one machine, as only its loopback address is listened to. */
  readonly PEER_ADDRESS?: string;
  /** CIDR ranges, by commas, of the proxies whose `x-forwarded-for` is believed. */
  readonly TRUSTED_PROXIES?: string;
}

/** The address of the caller, believed only from the platform and from the proxies that the deployment names. */
export function callerAddress(headers: Headers, env: AddressEnv): string | undefined {
  const { PEER_ADDRESS: fixed, PEER_ADDRESS_HEADER: header } = env;
  const peer = fixed ?? (header === undefined ? null : headers.get(header)) ?? undefined;
  // A list with a mistake in it trusts no address.
  const proxies = parseProxies(env.TRUSTED_PROXIES ?? '') ?? [];
  return clientAddress({ peer, forwardedFor: headers.get('x-forwarded-for') }, proxies);
}
