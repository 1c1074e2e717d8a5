/** One line of an organisation's audit trail: the actor, the action and the resource. */
export interface AuditEntry {
  /** Rises with every entry. */
  readonly position: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
}
