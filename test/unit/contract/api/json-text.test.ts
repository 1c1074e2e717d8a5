import { describe, expect, it } from 'vitest';
import { parseJsonBytes, parseJsonText } from '../../../../src/contract/api/json-text.ts';
import { readLine } from '../../../../src/gateway/vectors/bulk/import-batch.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const errorOf = (text: string) => {
  const outcome = parseJsonText(text);
  return outcome.ok ? undefined : outcome.error;
};

describe('JSON that a caller sent', () => {
  it.each([
    [String.raw`{"vectors": [{"id": "a"}, {"id": "\ud800"}]}`, 'vectors[1].id'],
    [String.raw`{"metadata": {"note": ["x", "a\uDC00b"]}}`, 'metadata.note[1]'],
    [String.raw`{"metadata": {"deep": {"k\udbff": 1}}}`, 'metadata.deep'],
    [String.raw`{"filter": {"$in": ["\ud83d\ude00", "\ude00\ud83d"]}}`, 'filter.$in[1]'],
    [String.raw`"\ud800"`, null],
    [String.raw`{"\ud800": 1}`, null],
  ])('[G30] with half a surrogate pair, %s, is refused by the name of its field', (text, param) => {
    expect(errorOf(text)).toMatchObject({ code: 'invalid_value', message: expect.stringContaining('half a surrogate pair') });
    expect(faultOf(parseJsonText(text))?.param).toBe(param);
  });

  it.each([String.raw`{"a": "\ud83d\ude00"}`, String.raw`"\\ud800"`, '{"a": "😀"}', String.raw`[1, null, {"b": "\u00e9"}]`])(
    '[G30] with whole pairs, %s, is accepted unchanged',
    (text) => expect(parseJsonText(text)).toEqual({ ok: true, value: JSON.parse(text) }),
  );

  it('[G30] is searched without recursion, at any depth', () => {
    const deep = String.raw`${'['.repeat(5_000)}"\ud800"${']'.repeat(5_000)}`;
    expect(errorOf(deep)?.code).toBe('invalid_value');
  });

  it('is refused when it is not UTF-8 or not JSON', () => {
    for (const bytes of [new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), utf8('{"a":')]) {
      expect(parseJsonBytes(bytes)).toMatchObject({ ok: false, error: { code: 'malformed_json' } });
    }
  });
});

describe('a line of an import', () => {
  it.each([
    [String.raw`{"id": "a\ud800", "values": [1]}`, 'id'],
    [String.raw`{"id": "a", "values": [1], "metadata": {"x": "\udfff"}}`, 'metadata.x'],
    [String.raw`{"id": "a", "text": "\ud800"}`, 'text'],
  ])('[G30] with half a surrogate pair, %s, is refused by the name of its field', (line, param) => {
    expect(faultOf(readLine({ content: utf8(line), bytes: line.length }))).toMatchObject({ code: 'invalid_value', param });
  });
});
