/** Who asks for a change, for the audit trail, and the digest of the request, which tells a repetition from another request (T60). */
export interface Ticket {
  readonly actor: string;
  readonly digest: string;
}
