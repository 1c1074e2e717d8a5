import { describe, expect, it } from 'vitest';

import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';
import { findPii } from '../../../src/upstreams/guardrails/find-pii.ts';

const NBSP = '\u00A0';

describe('personal data in texts', () => {
  it.each([
    ['email', 'write to jane.doe+x@mail.example.org, please', 'jane.doe+x@mail.example.org'],
    ['email', 'of _jane@example.org_ in Markdown', '_jane@example.org'],
    ['email', "from 'o'neil@example.org'", "o'neil@example.org"],
    ['email', 'to jane@a.b.c.d.e.f.g.h.example.co.uk.', 'jane@a.b.c.d.e.f.g.h.example.co.uk'],
    ['email', 'to jörg@müller.de;', 'jörg@müller.de'],
    ['email', 'to jane@xn--mller-kva.xn--p1ai;', 'jane@xn--mller-kva.xn--p1ai'],
    ['email', 'пишите на иван@почта.рф, пожалуйста', 'иван@почта.рф'],
    ['email', '请联系用户@例子。公司', '请联系用户@例子。公司'],
    ['email', '邮箱jane@example.com请联系', 'jane@example.com'],
    ['email', 'jane＠example.org', 'jane＠example.org'],
    ['phone', 'call +49 (30) 901820-17 now', '+49 (30) 901820-17'],
    ['phone', 'call 030 90 18 20 now', '030 90 18 20'],
    ['phone', `call +49${NBSP}30${NBSP}901820${NBSP}17 now`, `+49${NBSP}30${NBSP}901820${NBSP}17`],
    ['phone', 'call 030\u202F901820\u201117 now', '030\u202F901820\u201117'],
    ['phone', 'on 2024-01-31 030 901820', '030 901820'],
    ['iban', 'to DE89 3704 0044 0532 0130 00 today', 'DE89 3704 0044 0532 0130 00'],
    ['iban', 'to de89370400440532013000 today', 'de89370400440532013000'],
    ['iban', 'to de89 3704 0044 0532 0130 00 on time', 'de89 3704 0044 0532 0130 00'],
    ['iban', 'TO DE89 3704 0044 0532 0130 00 TODAY', 'DE89 3704 0044 0532 0130 00'],
    ['iban', `to DE89${NBSP}3704${NBSP}0044${NBSP}0532${NBSP}0130${NBSP}00.`, `DE89${NBSP}3704${NBSP}0044${NBSP}0532${NBSP}0130${NBSP}00`],
    ['iban', 'AB12 and DE89370400440532013000', 'DE89370400440532013000'],
    ['card', 'card 4111 1111 1111 1111.', '4111 1111 1111 1111'],
    ['card', `card 4111${NBSP}1111${NBSP}1111${NBSP}1111`, `4111${NBSP}1111${NBSP}1111${NBSP}1111`],
    ['card', 'card 4111 1111 1111 1111 12/27', '4111 1111 1111 1111'],
    ['card', 'order 1234 of 4111 1111 1111 1111', '4111 1111 1111 1111'],
    ['card', '1234 4111 1111 1111 1111', '4111 1111 1111 1111'],
    ['ip', 'from 192.168.10.4 and', '192.168.10.4'],
    ['ip', 'from 192.168.10.4.', '192.168.10.4'],
    ['ip', 'http://192.168.10.4:8080/', '192.168.10.4'],
    ['ip', 'host:192.168.10.4', '192.168.10.4'],
    ['ip', 'from 2001:db8::1 and', '2001:db8::1'],
    ['ip', 'from 2001:db8::1.', '2001:db8::1'],
    ['ip', 'address:2001:db8:0:0:0:0:0:1, which', '2001:db8:0:0:0:0:0:1'],
    ['ip', 'from [2001:db8::1]:443', '2001:db8::1'],
    ['ip', 'from ::ffff:1.2.3.4 and', '::ffff:1.2.3.4'],
    ['ip', 'from 64:ff9b::192.0.2.33 and', '64:ff9b::192.0.2.33'],
    ['ip', 'from fe80::1%eth0', 'fe80::1'],
  ])('[U110] finds an %s by its form: %s', (kind, text, found) => {
    expect(findPii(text, PII_KINDS).map(({ start, end, kind: of }) => [of, text.slice(start, end)])).toEqual([[kind, found]]);
  });

  it.each([
    'DE89 3704 0044 0532 0130 02 is no account',
    'de89 is the answer to all of these questions here',
    'order 4111 1111 1111 1112',
    'since 2024-01-31, or 31.01.2024',
    'from 2024-01-31 to 2024-02-28, 2024-01-31 2024-02-28',
    'version 1.2.3.4567 of 300.1.1.1',
    'object 1.3.6.1.4.1.311',
    'about 1234567 rows at 12:30:45',
    'user@localhost and @name',
    'a::b is code, and so are std::vector and ::first',
    'hardware 00:1A:2B:3C:4D:5E',
    'id 00000000-0000-4000-8000-001234567890',
    'npm i pkg@1.2.3-beta.1',
  ])('[U110] leaves alone what only looks like it: %s', (text) => {
    expect(findPii(text, PII_KINDS)).toEqual([]);
  });

  it('[U110] takes time linear in the text, whatever is in it', () => {
    const hard = ['a@', '@', 'a.', '1 ', '1:', ':', '1.', 'de89 ', '+1', '(', "'", 'a@b.', '用', 'x@例.', '1-', '0 0-'];
    for (const piece of hard) expect(findPii(piece.repeat(50_000), PII_KINDS).length, piece).toBeLessThan(20_000);
  });

  it('[U110] finds only the kinds that are asked for', () => {
    expect(findPii('a@b.com 10.0.0.1', ['ip']).map(({ kind }) => kind)).toEqual(['ip']);
  });
});
