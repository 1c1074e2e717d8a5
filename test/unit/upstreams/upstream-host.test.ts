import { describe, expect, it } from 'vitest';

import { must } from '../../../src/kernel/assert.ts';
import { checkBaseUrl, parseUpstreamHosts } from '../../../src/upstreams/upstream-host.ts';

const hostsOf = (allowed = '', local = '') => must(parseUpstreamHosts(allowed, local), 'lists of hosts');
const verdict = (url: string, allowed?: string, local?: string) => {
  const checked = checkBaseUrl(url, hostsOf(allowed, local));
  return checked.ok ? checked.value : checked.error.code;
};

describe('where an upstream may be', () => {
  it.each([
    ['https://api.openai.com/v1', 'https://api.openai.com/v1'],
    ['https://API.OpenAI.com:443/v1//', 'https://api.openai.com/v1'],
    ['https://api.openai.com', 'https://api.openai.com'],
    ['https://8.8.8.8/v1', 'https://8.8.8.8/v1'],
    ['https://[2606:4700::1111]/', 'https://[2606:4700::1111]'],
  ])('[U3] is any host of the Internet by https: %s', (url, kept) => {
    expect(verdict(url)).toBe(kept);
  });

  it.each([
    'http://api.openai.com/v1',
    'https://api.openai.com:8443/v1',
    'https://localhost/v1',
    'https://LOCALHOST./v1',
    'https://x.localhost/v1',
    'https://127.0.0.1/v1',
    'https://127.1/v1',
    'https://2130706433/v1',
    'https://0x7f000001/v1',
    'https://0177.0.0.1/v1',
    'https://0.0.0.0/v1',
    'https://10.1.2.3/v1',
    'https://172.31.0.1/v1',
    'https://192.168.1.1/v1',
    'https://100.64.0.1/v1',
    'https://169.254.169.254/latest',
    'https://metadata.google.internal/v1',
    'https://[::1]/v1',
    'https://[::]/v1',
    'https://[::ffff:10.0.0.1]/v1',
    'https://[::ffff:7f00:1]/v1',
    'https://[64:ff9b::a00:1]/v1',
    'https://[2002:a00:1::]/v1',
    'https://[2001:0:a00:1::1]/v1',
    'https://[fe80::1]/v1',
    'https://[fc00::1]/v1',
    'https://intranet/v1',
    'https://models.corp/v1',
    'https://gpu.local/v1',
    'https://db.svc.internal/v1',
  ])('[U3] is no host of this machine or its network, however it is written: %s', (url) => {
    expect(verdict(url)).toBe('address_denied');
  });

  it.each([
    'api.openai.com/v1',
    'ftp://api.openai.com/v1',
    'https://user@api.openai.com/v1',
    'https://user:password@api.openai.com/v1',
    'https://api.openai.com/v1?key=1',
    'https://api.openai.com/v1?',
    'https://api.openai.com/v1#x',
    'https://api.openai.com\\@10.0.0.1/v1',
    'https://api.openai.com /v1',
    'https://api.open\tai.com/v1',
    `https://api.openai.com/${'x'.repeat(2_048)}`,
  ])('[U3] is a URL that names a host and a path and nothing else: %s', (url) => {
    expect(verdict(url)).toBe('invalid_value');
  });

  it('[U3] is one of the hosts that operators name, if they name any', () => {
    const allowed = 'api.openai.com, *.example.com, models.example.org:8443, 9.9.9.0/24';
    expect(verdict('https://api.openai.com/v1', allowed)).toBe('https://api.openai.com/v1');
    expect(verdict('https://eu.example.com', allowed)).toBe('https://eu.example.com');
    expect(verdict('https://models.example.org:8443', allowed)).toBe('https://models.example.org:8443');
    expect(verdict('https://9.9.9.9', allowed)).toBe('https://9.9.9.9');
    for (const other of ['https://api.anthropic.com', 'https://example.com', 'https://xexample.com', 'https://models.example.org'])
      expect(verdict(other, allowed), other).toBe('address_denied');
    // Naming a private host there does not allow it.
    expect(verdict('https://10.0.0.1', '10.0.0.1')).toBe('address_denied');
  });

  it('[U3] is a private host at the port that operators name, and never a metadata service', () => {
    const local = '127.0.0.1:11434, [::1]:8000, 10.0.0.0/8:8000, *.svc.internal:8000, 169.254.169.254:80';
    for (const url of ['http://127.0.0.1:11434/v1', 'http://[::1]:8000', 'https://10.9.8.7:8000', 'http://a.svc.internal:8000'])
      expect(verdict(url, '', local), url).toBe(url);
    for (const url of [
      'http://127.0.0.1:11435',
      'http://127.0.0.2:11434',
      'http://10.9.8.7',
      'http://svc.internal:8000',
      'http://169.254.169.254',
    ])
      expect(verdict(url, '', local), url).toBe('address_denied');
    // The other hosts are allowed as before.
    expect(verdict('https://api.openai.com', '', local)).toBe('https://api.openai.com');
    expect(verdict('http://api.openai.com', '', local)).toBe('address_denied');
  });

  it('[U3] is stated as hosts, and of private ones with their ports', () => {
    expect(parseUpstreamHosts('api.openai.com', '127.0.0.1:1, [::1]:2')).toBeDefined();
    for (const wrong of ['https://api.openai.com', 'a b', 'x:0', 'x:65536', '*', '10.0.0.1/8', '[::1', 'x:1:2'])
      expect(parseUpstreamHosts(wrong, ''), wrong).toBeUndefined();
    expect(parseUpstreamHosts('', '127.0.0.1')).toBeUndefined();
  });
});
