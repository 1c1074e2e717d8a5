import type { AuthorityEnd } from '../../../../src/contract/tenancy/authority-end.ts';

interface FileSending {
  readonly bytes: number;
  readonly end: AuthorityEnd | undefined;
  /** Keeps the pump running after the answer has begun. */
  readonly background: (work: Promise<unknown>) => void;
}

/** The content of a file, pumped outside of JavaScript; it breaks off once the caller's right ends. [T121] */
export function sentFile(content: ReadableStream, { bytes, end, background }: FileSending): ReadableStream {
  if (end === undefined) return content;
  const { readable, writable } = new FixedLengthStream(bytes);
  const ended = new AbortController();
  const leave = end.onEnd(() => ended.abort());
  const letGo = end.hold();
  const over = (): void => {
    leave();
    letGo();
  };
  // A pump that breaks off, or whose reader leaves, has no one to tell.
  background(content.pipeTo(writable, { signal: ended.signal }).then(over, over));
  return readable;
}
