import { describe, expect, it } from 'vitest';

import { isHostPattern } from '../../../src/contract/api/client-address.ts';
import { mayServeAt } from '../../../src/gateway/pools/replica-hosts.ts';
import { originHost } from '../../../workers/gateway/pipeline/origin-host.ts';

const ANYWHERE = ['0.0.0.0/0', '::/0', '*.com', '*.internal', 'metadata.google.internal'];
/** As the gateway does: the host is read of the URL. */
const may = (url: string, patterns: readonly string[], agent?: string): boolean => {
  const host = originHost(url);
  return host !== undefined && mayServeAt(host, patterns, agent);
};

describe('where the gateway calls replicas', () => {
  it.each([
    ['http://10.0.0.7:41833', [], '10.0.0.7'],
    ['http://[2001:db8::7]:80', [], '2001:db8::7'],
    ['http://127.0.0.1:9', [], '127.0.0.1'],
    ['http://localhost:9', [], '::1'],
    ['http://[::1]:9', [], '127.0.0.1'],
    ['http://10.1.2.3:80', ['10.0.0.0/8'], '203.0.113.9'],
    ['https://gpu-1.example.com', ['gpu-1.example.com'], undefined],
    ['https://a.gpu.example.com', ['*.gpu.example.com'], undefined],
    ['https://a.gpu.example.com.', ['*.gpu.example.com'], undefined],
    ['http://127.0.0.1:9', ['127.0.0.0/8'], '10.0.0.7'],
  ])('[P93] allows %s by %j for an agent at %s', (url, patterns, agent) => {
    expect(may(url, patterns, agent)).toBe(true);
  });

  it.each([
    ['http://10.0.0.8:41833', [], '10.0.0.7'],
    ['http://10.0.0.7:41833', [], undefined],
    ['http://127.0.0.1:9', [], '10.0.0.7'],
    ['http://localhost:9', [], '10.0.0.7'],
    ['http://10.0.0.7', [], '127.0.0.1'],
    ['https://gpu.example.com', ['*.gpu.example.com'], undefined],
    ['https://evilgpu.example.com', ['*.gpu.example.com'], undefined],
    ['https://gpu-1.example.com.evil.net', ['gpu-1.example.com'], undefined],
    ['http://11.0.0.1', ['10.0.0.0/8'], undefined],
  ])('[P93] refuses %s by %j for an agent at %s', (url, patterns, agent) => {
    expect(may(url, patterns, agent)).toBe(false);
  });

  it.each([
    'http://169.254.169.254',
    'http://2852039166',
    'http://0xa9fea9fe',
    'http://0251.0376.0251.0376',
    'http://[::ffff:169.254.169.254]',
    'http://[::ffff:a9fe:a9fe]',
    'http://[::a9fe:a9fe]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://[2002:a9fe:a9fe::1]',
    'http://[fe80::1]',
    'http://[fd00:ec2::254]',
    'http://100.100.100.200',
    'http://192.0.0.192',
    'http://0.0.0.0',
    'http://[::]',
    'http://224.0.0.1',
    'http://255.255.255.255',
    'http://[ff02::1]',
    'http://metadata.google.internal',
    'http://METADATA.google.internal.',
    'http://metadata',
  ])('[P93] never calls %s, though all hosts are named and the agent calls from there', (url) => {
    expect(may(url, ANYWHERE, originHost(url)?.replace(/^\[|\]$/g, ''))).toBe(false);
  });

  it.each([
    'ftp://10.0.0.7',
    'file:///etc/passwd',
    'http://user:word@10.0.0.7',
    'http://10.0.0.7/path',
    'http://10.0.0.7/?to=',
    'http://10.0.0.7#',
    'http://10.0.0.7?',
    'no url',
  ])('[P93] calls nothing that is not an origin: %s', (url) => {
    expect(may(url, ['10.0.0.0/8'], '10.0.0.7')).toBe(false);
  });

  it('[P93] takes names, names below one, addresses and ranges as patterns, and nothing else', () => {
    for (const good of ['a', 'a-1.example.com', '*.example.com', '10.0.0.7', '10.0.0.0/8', '2001:db8::/32'])
      expect(isHostPattern(good), good).toBe(true);
    for (const bad of ['', '*', '*.', 'a..b', 'A.com', 'http://a', 'a:80', '10.0.0.1/8', '10.0.0', '300.1.1.1', 'a.*.b', '-a', 'a/b'])
      expect(isHostPattern(bad), bad).toBe(false);
  });
});
