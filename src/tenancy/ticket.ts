/** Who asks for a change, for the audit trail, and the digest of the request, which tells a repeat from a reused key. */
export interface Ticket {
  readonly actor: string;
  readonly digest: string;
}
