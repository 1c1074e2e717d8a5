import { describe, expect, it } from 'vitest';

import { parseProxies } from '../../../../src/contract/api/client-address.ts';
import { callerAddress } from '../../../../workers/gateway/pipeline/caller-address.ts';

describe('the address of a caller', () => {
  it('[T13] comes only from the header that the deployment names', () => {
    const headers = new Headers({ 'cf-connecting-ip': '198.51.100.1', 'x-real-ip': '192.0.2.1', 'x-forwarded-for': '192.0.2.2' });
    expect(callerAddress(headers, { PEER_ADDRESS_HEADER: 'cf-connecting-ip' })).toBe('198.51.100.1');
    expect(callerAddress(headers, { PEER_ADDRESS_HEADER: 'cf-connecting-ip', PEER_ADDRESS: '127.0.0.1' })).toBe('127.0.0.1');
    expect(callerAddress(headers, { PEER_ADDRESS: '127.0.0.1', TRUSTED_PROXIES: '127.0.0.0/8' })).toBe('192.0.2.2');
    expect(callerAddress(headers, {})).toBeUndefined();
  });

  it.each(['everybody', '*', '10.0.0.1/8', '127.0.0.1;10.0.0.1'])('[T13] is not taken from an invalid list such as "%s"', (text) => {
    const headers = new Headers({ 'x-forwarded-for': '192.0.2.2' });
    expect(parseProxies(text)).toBeUndefined();
    expect(callerAddress(headers, { PEER_ADDRESS: '127.0.0.1', TRUSTED_PROXIES: text })).toBe('127.0.0.1');
  });
});
