import { utf8 } from '../../kernel/bytes.ts';

/** 32 bits that spread ids of all namespaces evenly, each of the bits by itself. */
export function idHash(namespace: string, id: string): number {
  // Neither part contains NUL. FNV-1a, and a last mixing as its low bits alone are poor.
  let hash = 0x811c9dc5;
  for (const byte of utf8(`${namespace}\0${id}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
