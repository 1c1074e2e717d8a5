import { describe, expect, it } from 'vitest';

import { newPointId, pointId, pointIdOfPath, shownId } from '../../../../src/contract/qdrant/point-id.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';

const UUID = '5c56c793-69f3-4fbf-87e6-c4bf54c28c26';

describe('[Q10] point ids', () => {
  it('are integers by their digits and UUIDs in one form', () => {
    for (const digits of ['0', '7', '9007199254740991', '9007199254740993', '18446744073709551615']) {
      expect(newPointId.parse(parseExactJson(digits))).toBe(digits);
      expect(JSON.stringify(shownId(digits))).toBe(digits);
    }
    for (const form of [UUID, UUID.toUpperCase(), UUID.replaceAll('-', ''), `{${UUID}}`, `urn:uuid:${UUID}`])
      expect(newPointId.parse(form)).toBe(UUID);
    expect(shownId(UUID)).toBe(UUID);
  });

  it('have no other form when they are new', () => {
    for (const written of [
      '-1',
      '1.5',
      '1e3',
      '18446744073709551616',
      '-9223372036854775808',
      '"7"',
      '"article"',
      '""',
      'null',
      'true',
      '[1]',
      '{"a":1}',
    ]) {
      const read = newPointId.safeParse(parseExactJson(written));
      expect([written, written === '1e3' ? read.data : read.success]).toEqual([written, written === '1e3' ? '1000' : false]);
    }
  });

  it('can be ids of existing vectors in other forms, but not numbers written as text', () => {
    expect(pointId.parse('article-17')).toBe('article-17');
    expect(pointId.parse('007')).toBe('007');
    expect(pointId.parse('18446744073709551616')).toBe('18446744073709551616');
    expect(shownId('18446744073709551616')).toBe('18446744073709551616');
    expect(shownId('007')).toBe('007');
    for (const refused of ['42', '', 'a\0b', 'x'.repeat(513)]) expect(pointId.safeParse(refused).success).toBe(false);
    expect([pointIdOfPath('42'), pointIdOfPath(UUID.toUpperCase()), pointIdOfPath('article')]).toEqual(['42', UUID, 'article']);
  });
});
