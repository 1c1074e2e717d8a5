import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { clientAddress, parseProxies } from '../../../../src/contract/api/client-address.ts';

const PROXIES = parseProxies('10.0.0.0/8, 2001:db8::/32')!;
const at = (peer: string | undefined, forwardedFor: string | null = null) => clientAddress({ peer, forwardedFor }, PROXIES);

describe('the address of a client', () => {
  it.each([
    ['a caller that is not a proxy', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a caller that lists many addresses', '203.0.113.9', '10.0.0.1, 198.51.100.1, 10.0.0.2', '203.0.113.9'],
    ['a trusted proxy without a list', '10.1.2.3', null, '10.1.2.3'],
    ['a trusted proxy', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['a trusted proxy with a forged entry before its own', '10.1.2.3', '192.0.2.1, 198.51.100.1', '198.51.100.1'],
    ['two trusted proxies', '10.1.2.3', '192.0.2.1,198.51.100.1 , 2001:db8::7', '198.51.100.1'],
    ['only trusted proxies', '10.1.2.3', '10.9.9.9, 10.0.0.7', '10.9.9.9'],
    ['a trusted proxy that adds no valid address', '10.1.2.3', '198.51.100.1, unknown', undefined],
    ['a trusted proxy that adds a range', '10.1.2.3', '0.0.0.0/0', undefined],
    ['a connection without a known address', undefined, '198.51.100.1', undefined],
  ])('[T13] of %s', (_, peer, forwardedFor, address) => {
    expect(at(peer, forwardedFor)).toBe(address);
  });

  it('[T13] is not affected by entries that a caller adds before those of trusted proxies', () => {
    const written = fc.array(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.string().map((text) => text.replaceAll(',', '')),
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(written, (forged) => {
        expect(at('10.0.0.1', [...forged, '198.51.100.1', '10.0.0.2'].join(', '))).toBe('198.51.100.1');
        expect(at('203.0.113.9', forged.join(', '))).toBe('203.0.113.9');
      }),
    );
  });
});
