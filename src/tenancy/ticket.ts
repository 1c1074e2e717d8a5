import type { KeyId } from '../kernel/ids.ts';

/** The actor: a key of a tenant, or the admin. */
export type Actor = KeyId | 'admin';

/** The caller of a change, for the audit trail, and the digest of the request, which identifies a repetition (T60). */
export interface Ticket {
  readonly actor: Actor;
  readonly digest: string;
}
