import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { PlatformUse } from '../../workerd/platform-use/platform-use.ts';

/**
 * What one invocation may use: Cloudflare's limits or, where Sluice has one of its own below them, that. `alarms` and `sessionCalls` have none.
 */
export const CLOUDFLARE_LIMITS: Omit<PlatformUse, 'alarms' | 'sessionCalls'> = {
  // Of paid plans 10,000, and 1,000 before 2026: what calls objects must not depend on the larger one.
  subrequests: 1_000,
  // 32 invocations of Workers in one request, and its own is one of them.
  services: 31,
  // Of all callers in a second.
  sameObject: INDEX_LIMITS.objectRequestsPerSecond,
  // A seventh waits until one has its headers.
  waiting: 6,
  // 32 MiB.
  messageBytes: INDEX_LIMITS.rpcBytesMax,
  // 2,000,000 bytes.
  valueBytes: INDEX_LIMITS.rowBytesMax,
  parameters: 100,
  statementChars: 100_000,
};
