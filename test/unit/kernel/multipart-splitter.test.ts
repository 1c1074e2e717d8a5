import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { joinedBytes, utf8 } from '../../../src/kernel/bytes.ts';
import { MultipartSplitter } from '../../../src/kernel/multipart-splitter.ts';

const HEAD_BYTES_MAX = 256;

interface Read {
  readonly parts: readonly { readonly head: string; readonly content: Uint8Array; readonly hasEnded: boolean }[];
  readonly isComplete: boolean;
  readonly fault: string | undefined;
}

/** What a body is read as when it arrives in pieces of these sizes; the last size is repeated. */
function read(body: Uint8Array, boundary: string, sizes: readonly number[] = [body.length || 1]): Read {
  const splitter = new MultipartSplitter(boundary, HEAD_BYTES_MAX);
  const parts: { head: string; content: Uint8Array; hasEnded: boolean }[] = [];
  for (let at = 0, n = 0; at < body.length; n += 1) {
    const size = Math.max(1, sizes[Math.min(n, sizes.length - 1)] ?? 1);
    for (const piece of splitter.push(body.slice(at, at + size))) {
      const last = parts.at(-1);
      if (piece.kind === 'part') parts.push({ head: new TextDecoder().decode(piece.head), content: new Uint8Array(), hasEnded: false });
      else if (piece.kind === 'content') last!.content = joinedBytes([last!.content, piece.bytes.slice()]);
      else last!.hasEnded = true;
    }
    at += size;
  }
  return { parts, isComplete: splitter.isComplete, fault: splitter.fault };
}

const text = ({ parts }: Read) => parts.map(({ head, content }) => [head, new TextDecoder().decode(content)]);

const FORM = '--b\r\nA: 1\r\nB: 2\r\n\r\nfirst\r\n--b\r\nC: 3\r\n\r\n\r\n--b--\r\nbehind';

describe('[G14] a form in pieces', () => {
  it('is cut into its parts, wherever the pieces end', () => {
    for (let size = 1; size <= FORM.length; size += 1) {
      const form = read(utf8(FORM), 'b', [size]);
      expect(text(form)).toEqual([
        ['A: 1\r\nB: 2', 'first'],
        ['C: 3', ''],
      ]);
      expect([form.isComplete, form.fault, form.parts.every(({ hasEnded }) => hasEnded)]).toEqual([true, undefined, true]);
    }
  });

  it('gives back any content, as what was written into it', () => {
    const alphabet = fc.constantFrom(...utf8('\r\n-bx'));
    const content = fc.array(fc.oneof(alphabet, fc.nat(255)), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes));
    const boundary = fc.constantFrom('b', '--b', 'b-b', 'bound');
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), boundary, sizes, (contents, name, cuts) => {
        const isInside = contents.some((bytes) => `\r\n${Buffer.from(bytes).toString('latin1')}\r\n`.includes(`\r\n--${name}`));
        fc.pre(!isInside);
        const body = [...contents.flatMap((bytes) => [utf8(`--${name}\r\nH: x\r\n\r\n`), bytes, utf8('\r\n')]), utf8(`--${name}--`)];
        const form = read(joinedBytes<ArrayBufferLike>(body), name, cuts);
        expect(form.parts.map(({ content: bytes }) => [...bytes])).toEqual(contents.map((bytes) => [...bytes]));
        expect(form.isComplete).toBe(true);
      }),
    );
  });

  it('is never complete when it is cut off, and reads nothing behind its end', () => {
    const end = FORM.indexOf('--b--') + '--b--'.length;
    for (let length = 0; length < end; length += 1) expect(read(utf8(FORM.slice(0, length)), 'b').isComplete).toBe(false);
    expect(text(read(utf8(`${FORM.slice(0, end)}\r\n--b\r\nD: 4\r\n\r\nmore\r\n--b--`), 'b'))).toHaveLength(2);
  });

  it('ignores what comes before the first delimiter, and blanks behind one', () => {
    expect(text(read(utf8('read me\r\n--b \t\r\nA: 1\r\n\r\nx\r\n--b--'), 'b'))).toEqual([['A: 1', 'x']]);
    expect(text(read(utf8('--b\r\n\r\nno header\r\n--b--'), 'b'))).toEqual([['', 'no header']]);
  });

  it.each([
    ['a delimiter that goes on', '--b\r\nA: 1\r\n\r\nx\r\n--bc\r\n\r\ny\r\n--b--', 'malformed'],
    ['one hyphen behind a delimiter', '--b\r\nA: 1\r\n\r\nx\r\n--b-\r\n', 'malformed'],
    ['a bare line feed behind a delimiter', '--b\nA: 1\r\n\r\nx\r\n--b--', 'malformed'],
    ['blanks without end behind a delimiter', `--b${' '.repeat(1_000)}\r\n`, 'malformed'],
    ['a head that is too long', `--b\r\nA: ${'x'.repeat(HEAD_BYTES_MAX)}\r\n\r\nx\r\n--b--`, 'headBytesMax'],
    ['a head without end', `--b\r\n${'x'.repeat(10 * HEAD_BYTES_MAX)}`, 'headBytesMax'],
  ])('ends at %s', (_, body, fault) => {
    for (const size of [1, 7, body.length]) {
      const form = read(utf8(body), 'b', [size]);
      expect([form.fault, form.isComplete]).toEqual([fault, false]);
    }
  });

  it('holds no more of its content than a delimiter', () => {
    const splitter = new MultipartSplitter('b'.repeat(70), HEAD_BYTES_MAX);
    const sent = (bytes: Uint8Array) =>
      [...splitter.push(bytes)].reduce((sum, piece) => sum + (piece.kind === 'content' ? piece.bytes.length : 0), 0);
    sent(utf8(`--${'b'.repeat(70)}\r\nA: 1\r\n\r\n`));
    let [put, out] = [0, 0];
    for (const piece of ['x'.repeat(999), '\r\n--', 'b'.repeat(69), '\r', '\n-', '\r\r\r\r', '\r\n--bbbb', 'x']) {
      put += piece.length;
      out += sent(utf8(piece));
      expect(put - out).toBeLessThanOrEqual(74);
    }
    expect(out).toBe(put);
  });
});
