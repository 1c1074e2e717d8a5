import type { KeyId } from '../kernel/ids.ts';

/** Who acts: a key of a tenant, or the admin. */
export type Actor = KeyId | 'admin';

/** Who asks for a change, for the audit trail, and the digest of the request, which tells a repetition from another request (T60). */
export interface Ticket {
  readonly actor: Actor;
  readonly digest: string;
}
