import { hash } from 'node:crypto';

import type { Sha256 } from '../../../../src/cache/cache-key.ts';
import { shortSha256 } from '../../../../src/kernel/short-sha256.ts';

/** Up to so many characters or bytes plain arithmetic is faster. */
const SHORT_MAX = 256;

// Both are synchronous; `crypto.subtle` would cost a promise for each of thousands of texts.
export const sha256: Sha256 = (data) => (data.length <= SHORT_MAX ? shortSha256(data) : hash('sha256', data, 'hex'));
